"""Configuration that a task makes for itself before its node runs."""

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kedro_vertexai.config import DynamicConfigProviderConfig, PluginConfig, parse_config
from kedro_vertexai.dynamic_config import DynamicConfigProvider, materialise
from kedro_vertexai.errors import ConfigError, TaskError

SECRET = "S3CRET"


class Token(DynamicConfigProvider):
    """A user's provider: a token in credentials.yml."""

    def __init__(self, config: PluginConfig, audience: str = "", **params: Any) -> None:
        super().__init__(config, **params)
        self.audience = audience

    @property
    def target_config_file(self) -> str:
        return "credentials.yml"

    def generate_config(self) -> dict[str, Any]:
        return {"service": {"token": SECRET, "audience": self.audience}}


class InLocal(Token):
    @property
    def target_env(self) -> str:
        return "local"

    def generate_config(self) -> dict[str, Any]:
        return {"here": self.config.project_id}


class Keeping(Token):
    """One of the former plugin's kind: it changes what exists and returns it."""

    def merge_with_existing(
        self, existing_config: dict[str, Any], generated_config: dict[str, Any]
    ) -> dict[str, Any]:
        existing_config.setdefault("service", {}).update(generated_config["service"])
        return existing_config


class Failing(Token):
    def generate_config(self) -> dict[str, Any]:
        raise RuntimeError(f"the server refused {SECRET}")


class Explaining(Token):
    def generate_config(self) -> dict[str, Any]:
        raise TaskError("no metadata server, run where there is one")


class Listing(Token):
    def generate_config(self) -> Any:
        return [SECRET]


class Forgetful(Token):
    def merge_with_existing(self, existing_config: Any, generated_config: Any) -> Any:
        return None


class Unwritable(Token):
    def generate_config(self) -> dict[str, Any]:
        return {"service": {SECRET: object}}


class Escaping(Token):
    @property
    def target_config_file(self) -> str:
        return "../../.ssh/config"


class Unfinished(DynamicConfigProvider):
    pass


class NoProvider:
    def __init__(self, config: PluginConfig) -> None:
        pass


def configuration(*providers: tuple[type, dict[str, Any]]) -> PluginConfig:
    entries = [
        {"cls": f"{cls.__module__}.{cls.__qualname__}", "params": params}
        for cls, params in providers
    ]
    return parse_config(
        {
            "project_id": "my-project",
            "region": "europe-west1",
            "run_config": {"image": "demo", "dynamic_config_providers": entries},
        },
        "vertexai.yml",
    )


def content(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def failure(cls: type, conf: Path) -> str:
    with pytest.raises((TaskError, ConfigError)) as caught:
        materialise(configuration((cls, {"audience": SECRET})), conf)
    message = str(caught.value)
    assert SECRET not in message
    assert "\n" not in message
    assert cls.__name__ in message
    return message


class TestProviders:
    def test_one_is_built_from_its_class_path_and_params(self) -> None:
        config = configuration((Token, {"audience": "iap", "spare": 1}))
        provider = DynamicConfigProvider.build(
            config, config.run_config.dynamic_config_providers[0]
        )
        assert isinstance(provider, Token)
        assert (provider.audience, provider.config) == ("iap", config)

    def test_a_full_name_is_what_the_file_names(self) -> None:
        config = configuration((Token, {}))
        entry = DynamicConfigProviderConfig(cls=Token.full_name())
        assert isinstance(DynamicConfigProvider.build(config, entry), Token)

    @given(st.dictionaries(st.text(), st.integers()), st.dictionaries(st.text(), st.integers()))
    def test_generated_keys_win_and_the_existing_stay_untouched(
        self, existing: dict[str, int], generated: dict[str, int]
    ) -> None:
        before = dict(existing)
        merged = Token(configuration()).merge_with_existing(existing, generated)
        assert merged == existing | generated
        assert existing == before

    @pytest.mark.parametrize(
        ("cls", "reason"),
        [
            (Unfinished, "does not implement generate_config, target_config_file"),
            (NoProvider, "is no provider"),
        ],
    )
    def test_a_class_that_is_no_provider_is_named(self, cls: type, reason: str) -> None:
        config = configuration((cls, {}))
        with pytest.raises(ConfigError, match=reason) as caught:
            materialise(config, Path())
        assert str(caught.value).startswith("run_config.dynamic_config_providers.cls: ")

    def test_params_that_do_not_fit_are_named_without_their_values(self) -> None:
        with pytest.raises(ConfigError, match="do not fit") as caught:
            materialise(configuration((NoProvider, {"wrong": SECRET})), Path())
        assert SECRET not in str(caught.value)


class TestFiles:
    def test_without_providers_nothing_is_written(self, tmp_path: Path) -> None:
        assert materialise(configuration(), tmp_path) == []
        assert list(tmp_path.iterdir()) == []

    def test_each_provider_writes_its_file_into_its_environment(self, tmp_path: Path) -> None:
        config = configuration((Token, {"audience": "iap"}), (InLocal, {}))
        base, local = materialise(config, tmp_path)
        assert base == tmp_path / "base" / "credentials.yml"
        assert local == tmp_path / "local" / "credentials.yml"
        assert content(base) == {"service": {"token": SECRET, "audience": "iap"}}
        assert content(local) == {"here": "my-project"}

    def test_what_the_file_holds_besides_is_kept(self, tmp_path: Path) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text("database: ${oc.env:DB}\nservice: old\n", encoding="utf-8")
        materialise(configuration((Token, {})), tmp_path)
        assert content(target) == {
            "database": "${oc.env:DB}",
            "service": {"token": SECRET, "audience": ""},
        }

    def test_a_provider_may_merge_by_its_own_rule(self, tmp_path: Path) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text("service: {user: me}\n", encoding="utf-8")
        materialise(configuration((Keeping, {})), tmp_path)
        assert content(target) == {"service": {"user": "me", "token": SECRET, "audience": ""}}

    def test_a_later_provider_sees_what_an_earlier_one_wrote(self, tmp_path: Path) -> None:
        materialise(
            configuration((Token, {"audience": "a"}), (Keeping, {"audience": "b"})), tmp_path
        )
        assert content(tmp_path / "base" / "credentials.yml")["service"]["audience"] == "b"

    def test_an_empty_file_is_filled(self, tmp_path: Path) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text("# nothing yet\n", encoding="utf-8")
        materialise(configuration((Token, {})), tmp_path)
        assert content(target)["service"]["token"] == SECRET

    def test_only_the_owner_can_read_it_though_others_could_before(self, tmp_path: Path) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text("{}")
        target.chmod(0o644)
        materialise(configuration((Token, {})), tmp_path)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_nothing_is_left_beside_it(self, tmp_path: Path) -> None:
        materialise(configuration((Token, {})), tmp_path)
        assert [path.name for path in (tmp_path / "base").iterdir()] == ["credentials.yml"]


class TestFailures:
    @pytest.mark.parametrize(
        ("cls", "reason"),
        [
            (Failing, "base/credentials.yml: the provider failed with RuntimeError"),
            (Listing, "base/credentials.yml: generate_config returned list, expected a mapping"),
            (Forgetful, "merge_with_existing returned NoneType, expected a mapping"),
            (Unwritable, "base/credentials.yml: generated something YAML cannot hold"),
            (Escaping, "would write base/../../.ssh/config, outside of"),
        ],
    )
    def test_a_provider_that_fails_is_named_and_leaves_the_file_as_it_was(
        self, tmp_path: Path, cls: type, reason: str
    ) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text("kept: true\n", encoding="utf-8")
        assert reason in failure(cls, tmp_path)
        assert [path.name for path in target.parent.iterdir()] == ["credentials.yml"]
        assert content(target) == {"kept": True}

    def test_a_message_meant_for_the_user_reaches_him(self, tmp_path: Path) -> None:
        with pytest.raises(TaskError, match="no metadata server, run where there is one"):
            materialise(configuration((Explaining, {})), tmp_path)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (f"a: 1\npassword: [{SECRET}\n", "line 3 is not YAML"),
            (f"password: !!python/name:{SECRET} x\n", "line 1 is not YAML"),
            (f"- {SECRET}\n", "holds list, expected a mapping"),
        ],
    )
    def test_a_file_that_cannot_be_merged_into_is_named_and_not_quoted(
        self, tmp_path: Path, text: str, reason: str
    ) -> None:
        target = tmp_path / "base" / "credentials.yml"
        target.parent.mkdir()
        target.write_text(text, encoding="utf-8")
        message = failure(Token, tmp_path)
        assert reason in message
        assert str(target) in message

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "base").write_text("a file where the folder belongs")
        assert f"cannot read {tmp_path / 'base' / 'credentials.yml'}" in failure(Token, tmp_path)

    def test_a_full_or_read_only_disk_leaves_no_half_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", refuse)
        assert "credentials.yml: No space left on device" in failure(Token, tmp_path)
        assert list((tmp_path / "base").iterdir()) == []
