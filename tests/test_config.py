"""What `vertexai.yml` may say, and what a user is told when it says something else."""

import re
import string
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from kedro_vertexai.class_paths import instantiate
from kedro_vertexai.config import (
    PluginConfig,
    ResourcesConfig,
    RetryConfig,
    RunConfig,
    ScheduleConfig,
    not_applied,
    parse_config,
)
from kedro_vertexai.errors import ConfigError

SOURCE = "conf/base/vertexai.yml"
TOP = {"project_id": "my-project", "region": "europe-west1"}
REPOSITORY = Path(__file__).parents[1]

# What kedro-vertexai 1.0 wrote on `init`: the same keys with the same values.
FILE_OF_1_0 = """
project_id: my-project
region: europe-west1
run_config:
  image: europe-docker.pkg.dev/my-project/images/demo
  root: bucket_name/gcs_suffix
  experiment_name: demo-experiment
  scheduled_run_name: demo-run
  grouping:
    cls: kedro_vertexai.grouping.IdentityNodeGrouper
  ttl: 604800
  resources:
    data_import_step:
      memory: 4Gi
    model_training:
      cpu: 8
      memory: 8Gi
      gpu: 1
    __default__:
      cpu: 1000m
      memory: 2048Mi
  node_selectors:
    model_training:
      cloud.google.com/gke-accelerator: NVIDIA_TESLA_T4
  dynamic_config_providers: []
  schedules:
    default_schedule:
      cron_expression: "0 * * * *"
      timezone: Etc/UTC
      start_time: none
      end_time: none
      allow_queueing: false
      max_run_count: none
      max_concurrent_run_count: 1
"""

# What its comments offer besides.
OPTIONAL_KEYS_OF_1_0 = """
project_id: my-project
region: europe-west1
run_config:
  image: demo
  root: bucket_name/gcs_suffix
  experiment_name: demo-experiment
  experiment_description: My experiment
  service_account: pipelines@my-project.iam.gserviceaccount.com
  description: Very important
  grouping:
    cls: kedro_vertexai.grouping.TagNodeGrouper
    params:
      tag_prefix: "group."
  network:
    vpc: my-vpc
    host_aliases:
      - ip: 127.0.0.1
        hostnames:
          - me.local
  on_exit_pipeline: notify_via_slack
  volume:
    storageclass: default
    size: 3Gi
  dynamic_config_providers:
    - cls: kedro_vertexai.auth.gcp.MLFlowGoogleOAuthCredentialsProvider
      params:
        client_id: iam-client-id
  mlflow:
    request_header_provider_params:
      key: value
  schedules:
    training_pipeline:
      cron_expression: "0 0 * * *"
      timezone: America/New_York
      start_time: none
      end_time: none
      allow_queueing: false
      max_run_count: none
      max_concurrent_run_count: 1
"""


def run_config(**keys: Any) -> RunConfig:
    return parse_config({**TOP, "run_config": {"image": "demo", **keys}}, SOURCE).run_config


def findings(data: Any) -> list[str]:
    """The lines of the error that `data` gives, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        parse_config(data, SOURCE)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{SOURCE}: ") for line in lines)
    return [line.removeprefix(f"{SOURCE}: ") for line in lines]


def run_findings(**keys: Any) -> list[str]:
    return findings({**TOP, "run_config": {"image": "demo", **keys}})


class TestFilesOfTheFormerPlugin:
    def test_its_own_template_is_accepted_with_its_meaning(self) -> None:
        config = parse_config(yaml.safe_load(FILE_OF_1_0), SOURCE).run_config
        assert config.resources["model_training"] == ResourcesConfig(cpu="8", memory="8Gi", gpu=1)
        assert config.resources["__default__"] == ResourcesConfig(cpu="1000m", memory="2048Mi")
        assert config.node_selectors["model_training"] == {
            "cloud.google.com/gke-accelerator": "NVIDIA_TESLA_T4"
        }
        assert config.schedules["default_schedule"] == ScheduleConfig()
        assert config.root_uri == "gs://bucket_name/gcs_suffix"
        assert config.dynamic_config_providers == ()

    def test_all_its_optional_keys_are_accepted(self) -> None:
        config = parse_config(yaml.safe_load(OPTIONAL_KEYS_OF_1_0), SOURCE).run_config
        assert config.grouping.params == {"tag_prefix": "group."}
        assert config.network.vpc == "my-vpc"
        assert config.network.host_aliases[0].hostnames == ("me.local",)
        assert config.on_exit_pipeline == "notify_via_slack"
        assert config.mlflow.request_header_provider_params == {"key": "value"}
        assert config.dynamic_config_providers[0].params == {"client_id": "iam-client-id"}
        assert config.schedules["training_pipeline"].timezone == "America/New_York"

    def test_no_class_that_it_names_is_imported(self) -> None:
        run_config(
            grouping={"cls": "no.such.Grouper"},
            dynamic_config_providers=[{"cls": "no.such.Provider"}],
        )


class TestTheTemplateForInit:
    def text(self) -> str:
        template = (REPOSITORY / "templates" / "vertexai.yml").read_text(encoding="utf-8")
        return string.Template(template).substitute(**TOP, image="demo", project="Demo")

    def test_it_is_valid_as_written_and_every_key_in_it_is_applied(self) -> None:
        config = parse_config(yaml.safe_load(self.text()), SOURCE)
        assert (config.project_id, config.region) == ("my-project", "europe-west1")
        assert config.run_config.image == "demo"
        assert not_applied(config) == []

    def test_with_its_commented_keys_it_is_valid_and_names_every_key_there_is(self) -> None:
        text = re.sub(r"^(\s*)#(?=\S)", r"\1", self.text(), flags=re.MULTILINE)
        parse_config(yaml.safe_load(text), SOURCE)
        written = set(re.findall(r"^[\s-]*(\w+):", text, flags=re.MULTILINE))
        assert set(all_keys(PluginConfig)) <= written

    def test_commented_keys_with_a_default_show_that_default(self) -> None:
        text = re.sub(r"^(\s*)#(?=\S)", r"\1", self.text(), flags=re.MULTILINE)
        shown = parse_config(yaml.safe_load(text), SOURCE).run_config
        bare = run_config()
        for key in ("failure_policy", "preflight_validations"):
            assert getattr(shown, key) == getattr(bare, key)
        assert shown.caching["__default__"] is bare.caching["__default__"]
        assert shown.schedules["default_schedule"] == ScheduleConfig()
        assert shown.retries["load_raw_data"] == RetryConfig(count=3)
        assert shown.resources["__default__"] == bare.resources["__default__"]


class TestTheDocumentation:
    def test_it_speaks_of_every_key(self) -> None:
        text = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
        assert [key for key in all_keys(PluginConfig) if f"`{key}`" not in text] == []

    def test_its_examples_are_valid(self) -> None:
        text = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
        examples = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
        assert examples
        for example in examples:
            data = yaml.safe_load(example)
            given_keys = {"image": "demo", **(data.get("run_config") or {})}
            parse_config({**TOP, **data, "run_config": given_keys}, SOURCE)


class TestForgivingTypes:
    @pytest.mark.parametrize(
        ("written", "read"), [(8, "8"), ("8", "8"), (0.5, "0.5"), ("500m", "500m")]
    )
    def test_cpu_is_a_number_or_text(self, written: object, read: str) -> None:
        assert run_config(resources={"n": {"cpu": written}}).resources["n"].cpu == read

    @pytest.mark.parametrize("written", [1, "1", 1.0])
    def test_gpu_is_a_whole_number_in_any_spelling(self, written: object) -> None:
        assert run_config(resources={"n": {"gpu": written}}).resources["n"].gpu == 1

    @pytest.mark.parametrize(
        ("written", "read"),
        [("4Gi", "4Gi"), ("512M", "512M"), (4294967296, "4294967296"), ("4e9", "4000000000"),
         ("1.5Gi", "1.5Gi"), ("4000000K", "4000000k")],
    )  # fmt: skip
    def test_memory_is_kept_in_a_form_without_exponent(self, written: object, read: str) -> None:
        assert run_config(resources={"n": {"memory": written}}).resources["n"].memory == read

    @given(st.integers(1, 10**6), st.sampled_from(["Mi", "Gi", "Ti", "Pi", "Ei", *"GTPE"]))
    def test_every_kubernetes_amount_of_memory_is_read_as_written(self, n: int, unit: str) -> None:
        memory = f"{n + 6}{unit}"
        assert run_config(resources={"n": {"memory": memory}}).resources["n"].memory == memory

    @pytest.mark.parametrize("word", ["none", "None", "null", "~", None])
    def test_none_is_null_in_schedules_and_resources(self, word: str | None) -> None:
        keys = ("start_time", "end_time", "max_run_count", "max_concurrent_run_count")
        schedule = run_config(schedules={"p": dict.fromkeys(keys, word)}).schedules["p"]
        assert schedule == ScheduleConfig()
        limits = run_config(resources={"__default__": {"cpu": word, "memory": word}}).resources
        assert limits == {"__default__": ResourcesConfig(cpu=None, memory=None)}

    def test_a_date_that_yaml_reads_as_one_becomes_its_text(self) -> None:
        start = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
        schedules = run_config(schedules={"p": {"start_time": start}}).schedules
        assert schedules["p"].start_time == "2026-01-31T12:00:00+00:00"

    def test_a_number_stands_for_text(self) -> None:
        assert (
            parse_config({**TOP, "project_id": 123, "run_config": {"image": 1}}, "").project_id
            == "123"
        )
        assert run_config(labels={"version": 2}).labels == {"version": "2"}
        assert run_config(resources={7: {"cpu": 1}}).resources.keys() == {"__default__", "7"}

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z]\w{0,5}", fullmatch=True),
            st.one_of(
                st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False)
            ),
        )
    )
    def test_params_are_kept_as_they_are(self, params: dict[str, Any]) -> None:
        config = run_config(
            dynamic_config_providers=[{"cls": "a.B", "params": params}],
            grouping={"cls": "a.B", "params": params},
        )
        assert config.dynamic_config_providers[0].params == params
        assert config.grouping.params == params


class TestDefaults:
    def test_image_is_all_that_a_run_needs(self) -> None:
        config = run_config()
        assert config.root is None
        assert config.root_uri is None
        assert config.experiment_name is None
        assert config.caching == {"__default__": False}
        assert config.failure_policy == "slow"
        assert config.grouping.cls == "kedro_vertexai.grouping.IdentityNodeGrouper"

    def test_a_bare_key_means_its_default(self) -> None:
        assert (
            run_config(**dict.fromkeys(RunConfig.model_fields.keys() - {"image"})) == run_config()
        )

    def test_a_bare_entry_says_nothing(self) -> None:
        names = ("resources", "node_selectors", "retries", "schedules", "labels")
        assert run_config(**{name: {"train": None} for name in names}) == run_config()

    @pytest.mark.parametrize("resources", [None, {}, {"__default__": None}])
    def test_without_default_resources_a_task_gets_half_a_core_and_1024_mi(
        self, resources: object
    ) -> None:
        expected = ResourcesConfig(cpu="500m", memory="1024Mi")
        assert run_config(resources=resources).resources["__default__"] == expected

    def test_default_resources_of_the_user_stand_alone(self) -> None:
        limits = run_config(resources={"__default__": {"cpu": 2}}).resources["__default__"]
        assert limits == ResourcesConfig(cpu="2", memory=None)

    def test_the_configuration_cannot_be_changed(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            run_config().staging = "image"  # type: ignore[misc]


class TestRoot:
    @pytest.mark.parametrize(
        ("root", "uri"),
        [
            ("bucket/prefix", "gs://bucket/prefix"),
            ("gs://bucket/prefix", "gs://bucket/prefix"),
            ("s3://bucket", "s3://bucket"),
            ("file:///tmp/runs", "file:///tmp/runs"),
            ("memory://runs", "memory://runs"),
        ],
    )
    def test_a_root_without_scheme_is_a_bucket(self, root: str, uri: str) -> None:
        assert run_config(root=root).root_uri == uri

    @pytest.mark.parametrize(
        "root", ["/tmp/runs", "gs://", "gs:/bucket", "C:\\runs", "My Bucket", "bb/x"]
    )
    def test_what_is_no_bucket_and_no_url_is_an_error(self, root: str) -> None:
        (line,) = run_findings(root=root)
        assert line.startswith("run_config.root: expected bucket/prefix or a URL such as gs://")


class TestRetries:
    @pytest.mark.parametrize("written", [2, "2", {"__default__": 2}, {"__default__": {"count": 2}}])
    def test_a_number_is_a_count(self, written: object) -> None:
        assert run_config(retries=written).retries == {"__default__": RetryConfig(count=2)}

    def test_waits_are_in_seconds_with_defaults(self) -> None:
        retry = run_config(retries={"train": {"count": 3, "backoff": "10"}}).retries["train"]
        assert (retry.count, retry.backoff, retry.factor, retry.max_backoff) == (3, 10, 2, 3600)

    def test_the_keys_of_one_retry_do_not_stand_where_names_do(self) -> None:
        assert run_findings(retries={"count": 3, "backoff": 10}) == [
            "run_config.retries: write these keys under __default__, or under a node or tag"
        ]

    @pytest.mark.parametrize(
        ("retry", "problem"),
        [
            (-1, ".count: expected a whole number, 0 or more, got -1"),
            (True, ".count: expected a whole number, 0 or more, got True"),
            ({"backoff": 1}, ".count: missing"),
            ({"count": 1, "factor": 0.5}, ".factor: expected 1 or more, got 0.5"),
            ({"count": 1, "max_backoff": 7200}, ".max_backoff: expected 3600 or less, got 7200"),
            ({"count": 1, "backoff": float("inf")}, ".backoff: expected a number, got inf"),
            ({"count": 1, "backoff": 90, "max_backoff": 60},
             ": backoff of 90 s is longer than max_backoff, 60 s"),
        ],
    )  # fmt: skip
    def test_impossible_retries_are_errors(self, retry: object, problem: str) -> None:
        assert run_findings(retries={"train": retry}) == [f"run_config.retries.train{problem}"]


class TestFindings:
    def test_all_of_them_are_told_at_once(self) -> None:
        lines = run_findings(
            resorces={}, resources={"train": {"gpu": "many"}}, failure_policy="sometimes"
        )
        assert sorted(lines) == [
            "run_config.failure_policy: expected 'slow' or 'fast', got 'sometimes'",
            "run_config.resorces: unknown key, did you mean 'resources'?",
            "run_config.resources.train.gpu: expected a whole number, 0 or more, got 'many'",
        ]

    @pytest.mark.parametrize(
        ("keys", "line"),
        [
            ({"network": {"vcp": 1}}, "run_config.network.vcp: unknown key, did you mean 'vpc'?"),
            ({"resources": {"a.b": {"GPU": 1}}},
             "run_config.resources['a.b'].GPU: unknown key, did you mean 'gpu'?"),
            ({"network": {"host_aliases": [{"ip": "::1", "hostnames": [], "hostname": "x"}]}},
             "run_config.network.host_aliases[0].hostname: unknown key, did you mean 'hostnames'?"),
            ({"service-account": "x"},
             "run_config.service-account: unknown key, did you mean 'service_account'?"),
            ({"volumes": 1}, "run_config.volumes: unknown key"),
            ({"qqqq": None}, "run_config.qqqq: unknown key"),
            ({"cpu": 1}, ("run_config.cpu: unknown key, it belongs under "
             "run_config.resources.<node or tag>")),
            ({"vpc": "x"}, "run_config.vpc: unknown key, it belongs under run_config.network"),
        ],
    )  # fmt: skip
    def test_an_unknown_key_comes_with_the_nearest_known_one(
        self, keys: dict[str, Any], line: str
    ) -> None:
        assert run_findings(**keys) == [line]

    def test_a_key_at_the_wrong_depth_is_told_where_it_belongs(self) -> None:
        data = {**TOP, "run_config": {"image": "demo"}, "resources": {}}
        assert findings(data) == ["resources: unknown key, it belongs under run_config"]

    def test_a_missing_image_is_told_how_to_be_set(self) -> None:
        for section in ({}, {"image": None}):
            assert findings({**TOP, "run_config": section}) == [
                (
                    "run_config.image: missing, write the image of every task, as image: "
                    "REGISTRY/NAME:TAG"
                )
            ]

    def test_missing_top_level_keys_are_told_how_to_be_set(self) -> None:
        assert [line.split(",")[0] for line in findings({})] == [
            "project_id: missing",
            "region: missing",
            "run_config: missing",
        ]

    @pytest.mark.parametrize(("data", "kind"), [(None, "nothing"), ([], "a list"), ("x", "text")])
    def test_a_file_that_is_no_mapping_is_an_error(self, data: object, kind: str) -> None:
        assert findings(data) == [f"expected a mapping, got {kind}"]

    def test_two_accelerators_for_one_task_are_an_error(self) -> None:
        assert run_findings(node_selectors={"train": {"a": "T4", "b": "V100"}}) == [
            (
                "run_config.node_selectors.train: one task has one type of accelerator, "
                "but this names T4 and V100"
            )
        ]
        same = {"train": {"a": "T4", "b": "T4"}}
        assert run_config(node_selectors=same).node_selectors == same

    @pytest.mark.parametrize(
        ("limits", "problem"),
        [
            ({"cpu": "4Gi"}, ".cpu: expected a number of cores such as 2, 0.5 or 500m, got '4Gi'"),
            ({"cpu": 0}, ".cpu: expected a number of cores such as 2, 0.5 or 500m, got 0"),
            ({"cpu": True}, ".cpu: expected a number of cores such as 2, 0.5 or 500m, got True"),
            ({"memory": "4GB"},
             ".memory: expected an amount of memory such as 512Mi or 4Gi, got '4GB'"),
            ({"memory": "400m"},
             ".memory: expected an amount of memory such as 512Mi or 4Gi, got '400m'"),
            ({"memory": 16}, ".memory: 16 bytes start no container, write a unit such as 4Gi"),
            ({"gpu": 1.5}, ".gpu: expected a whole number, 0 or more, got 1.5"),
        ],
    )  # fmt: skip
    def test_limits_that_no_engine_takes_are_errors(
        self, limits: dict[str, Any], problem: str
    ) -> None:
        assert run_findings(resources={"train": limits}) == [f"run_config.resources.train{problem}"]

    @pytest.mark.parametrize(
        "keys",
        [
            {"labels": {"Team": "x"}},
            {"labels": {"team": "a b"}},
            {"labels": {"team": "x" * 65}},
            {"labels": {"": "x"}},
            {"network": {"host_aliases": [{"ip": "10.0.0", "hostnames": ["a"]}]}},
            {"network": {"host_aliases": [{"ip": "10.0.0.1", "hostnames": ["a\n1.1.1.1 b"]}]}},
            {"grouping": {"cls": "Grouper"}},
            {"schedules": {"p": {"max_run_count": 0}}},
            {"description": ["x"]},
            {"image": True},
        ],
    )
    def test_a_value_that_its_key_cannot_hold_is_one_line(self, keys: dict[str, Any]) -> None:
        (line,) = run_findings(**keys)
        assert line.startswith(f"run_config.{next(iter(keys))}")

    @pytest.mark.parametrize(
        "keys",
        [
            {"grouping": {"cls": "a.B", "params": "S3CRET"}},
            {"grouping": {"cls": "a.B", "params": ["S3CRET"]}},
            {"dynamic_config_providers": {"cls": "a.B", "params": {"key": "S3CRET"}}},
            {"dynamic_config_providers": [{"cls": "a.B", "params": "S3CRET"}]},
            {"dynamic_config_providers": [{"cls": "B", "params": {"key": "S3CRET"}}]},
            {"dynamic_config_providers": [{"cls": "a.B", "params": {"": "S3CRET"}}]},
            {"mlflow": {"request_header_provider_params": "S3CRET"}},
            {"mlflow": {"request_header_provider_param": "S3CRET"}},
            {"mlflow": "S3CRET"},
        ],
    )
    def test_no_message_holds_a_value_from_below_params(self, keys: dict[str, Any]) -> None:
        assert "S3CRET" not in "\n".join(run_findings(**keys))

    def test_no_printed_configuration_holds_a_value_from_below_params(self) -> None:
        config = run_config(
            dynamic_config_providers=[{"cls": "a.B", "params": {"key": "S3CRET"}}],
            mlflow={"request_header_provider_params": {"key": "S3CRET"}},
        )
        assert "S3CRET" not in f"{config!r} {config}"

    @given(
        st.dictionaries(
            st.sampled_from(sorted(RunConfig.model_fields)),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["a", "cls", "params", "cpu", "count", "__default__"])
                        | st.integers()
                        | st.booleans(),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=8,
            ),
            max_size=4,
        )
    )
    def test_whatever_yaml_holds_is_read_or_refused_line_by_line(
        self, keys: dict[str, Any]
    ) -> None:
        try:
            parse_config({**TOP, "run_config": keys}, SOURCE)
        except ConfigError as error:
            for line in str(error).split("\n"):
                assert line.startswith(f"{SOURCE}: run_config")

    def test_the_content_that_was_read_is_left_alone(self) -> None:
        data = yaml.safe_load(FILE_OF_1_0)
        parse_config(data, SOURCE)
        assert data == yaml.safe_load(FILE_OF_1_0)


class TestKeysWithoutEffect:
    def test_each_that_the_file_sets_gets_a_sentence(self) -> None:
        config = parse_config(yaml.safe_load(OPTIONAL_KEYS_OF_1_0), SOURCE)
        assert [sentence.split(" ")[0] for sentence in not_applied(config)] == [
            "run_config.volume",
        ]

    def test_the_reason_is_told(self) -> None:
        config = parse_config({**TOP, "run_config": {"image": "demo", "ttl": 604800}}, SOURCE)
        assert not_applied(config) == [
            (
                "run_config.ttl has no effect: "
                "Vertex AI Pipelines keeps no workflow that could be deleted"
            )
        ]

    def test_empty_and_bare_keys_ask_for_nothing(self) -> None:
        keys = {"image": "demo", "schedules": {}, "volume": None, "network": {"vpc": None}}
        assert not_applied(parse_config({**TOP, "run_config": keys}, SOURCE)) == []


class Adder:
    def __init__(self, left: int, *, right: int = 0) -> None:
        if right < 0:
            raise ValueError(f"{right} is S3CRET")
        self.sum = left + right


class TestClassesThatTheFileNames:
    path = f"{__name__}.Adder"

    def test_one_is_called_with_its_params(self) -> None:
        assert instantiate(self.path, {"right": 2}, 1, key="section").sum == 3

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("no_such_module.Thing", ("section.cls: 'no_such_module.Thing' cannot be imported, "
             "ModuleNotFoundError: No module named 'no_such_module'")),
            (f"{__name__}.Ader",
             f"section.cls: '{__name__}' has no class 'Ader', did you mean 'Adder'?"),
            (f"{__name__}.SOURCE", f"section.cls: '{__name__}' has no class 'SOURCE'"),
            ("collections.abc.Sized", ("section.cls: collections.abc.Sized does not implement "
             "__len__")),
        ],
    )  # fmt: skip
    def test_one_that_cannot_be_made_is_named(self, path: str, message: str) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)):
            instantiate(path, {}, key="section")

    def test_params_that_it_does_not_take_are_named(self) -> None:
        with pytest.raises(ConfigError, match=r"section.params: they do not fit .*'wrong'"):
            instantiate(self.path, {"wrong": "S3CRET"}, 1, key="section")

    def test_params_that_it_refuses_are_not_shown(self) -> None:
        with pytest.raises(ConfigError) as caught:
            instantiate(self.path, {"right": -1}, 1, key="section")
        assert str(caught.value) == f"section.params: {self.path} refuses them with ValueError"


def test_reading_the_configuration_imports_nothing_heavy() -> None:
    code = "import sys, kedro_vertexai.config; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=REPOSITORY
    )
    heavy = {"kedro", "kfp", "google.auth", "google.protobuf", "mlflow", "yaml", "omegaconf"}
    assert heavy & set(done.stdout.split()) == set()


def all_keys(section: type[BaseModel]) -> list[str]:
    """Every key of a section and of the sections below it."""
    keys = []
    for name, field in section.model_fields.items():
        keys.append(name)
        for below in sections_in(field.annotation):
            keys += all_keys(below)
    return keys


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    if get_args(annotation):
        return [found for part in get_args(annotation) for found in sections_in(part)]
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return [annotation] if is_section else []


def test_every_section_can_be_reached_from_the_whole_file() -> None:
    assert {"ip", "hostnames", "vpc", "cpu", "backoff", "cron_expression"} <= set(
        all_keys(PluginConfig)
    )
