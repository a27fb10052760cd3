"""What `vertexai.yml` may say about authentication, and what of it a compiled pipeline holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from project_factory import MLFLOW, KedroProject

from kedro_vertexai.config import AuthenticationConfig, RunConfig, parse_config
from kedro_vertexai.errors import ConfigError

USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
VAULT = {"backend": "vault", "params": {"path": "mlflow", "login": "kubernetes", "role": "r"}}
VARS = {"type": "Vars", "params": [USER, PASSWORD], "secrets": VAULT}


def run_config(**keys: Any) -> RunConfig:
    top = {"project_id": "p", "region": "r", "run_config": {"image": "demo", **keys}}
    return parse_config(top, "vertexai.yml").run_config


def authentication(**keys: Any) -> AuthenticationConfig:
    return run_config(authentication=keys).authentication


@pytest.mark.parametrize("written", [None, {}, {"type": None}, {"type": "Null"}, {"type": "none"}])
def test_nothing_is_done_unless_it_is_asked_for(written: Any) -> None:
    assert run_config(authentication=written).authentication.type is None


@pytest.mark.parametrize(
    "written",
    [
        {"type": "GoogleOAuth2"},
        {"type": "GoogleOAuth2", "params": {"audience": "a"}},
        VARS,
        {"type": "Vars", "params": {PASSWORD: "mlflow-password", USER: None}},
        {**VARS, "secrets": {"backend": "google-secret-manager"}},
        {**VARS, "secrets": {"backend": "a.Safe", "params": {"anything": [1, {"x": True}]}}},
        {"type": "a.Login", "params": {"team": "blue"}},
    ],
)
def test_what_may_be_written(written: dict[str, Any]) -> None:
    read = authentication(**written)
    assert read.type == written["type"]
    assert read.params == written.get("params", {})


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"type": "Var"}, "expected GoogleOAuth2, Vars or the path of a class, did you mean"),
        ({"params": {"a": "b"}}, "type: missing"),
        ({"type": "Vars"}, "expected a list of names of environment variables"),
        ({"type": "Vars", "params": "S3CRET"}, "expected a list of names"),
        ({"type": "Vars", "params": ["S3CRET!"]}, "one is no name of an environment variable"),
        ({"type": "Vars", "params": {USER: 7}}, f"params.{USER}: expected the name of a secret"),
        ({"type": "GoogleOAuth2", "params": ["S3CRET"]}, "params: expected a mapping"),
        ({"type": "GoogleOAuth2", "params": {"audienc": "S3CRET"}}, "takes audience, and nothing"),
        ({"type": "a.B", "secrets": VAULT}, "secrets: only type: Vars reads them"),
        ({"type": "a.B", "params": {"day": date(2026, 11, 24)}}, "put a date in quotes"),
        ({**VARS, "secrets": {"backend": "vaul"}}, "did you mean 'vault'"),
        ({**VARS, "secrets": {"backend": "vault", "params": {"pat": "S3CRET"}}}, "takes no 'pat'"),
        ({**VARS, "secrets": {**VAULT, "param": {}}}, "param: unknown key, did you mean 'params'"),
        ({"typ": "Vars"}, "typ: unknown key, did you mean 'type'"),
    ],
)
def test_what_cannot_be(written: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        authentication(**written)
    assert reason in str(error.value)
    assert str(error.value).startswith("vertexai.yml: run_config.authentication")
    assert "S3CRET" not in str(error.value)


@pytest.mark.parametrize(
    "key",
    ["password", "client_secret", "api_key", "apiKey", "accessToken", "TOKENS", "credentials"],
)
@pytest.mark.parametrize(
    "place",
    [
        lambda params: {"mlflow": {"request_header_provider_params": params}},
        lambda params: {"authentication": {"type": "a.B", "params": params}},
        lambda params: {"authentication": {"type": "a.B", "params": {"nested": params}}},
        lambda params: {
            "authentication": {**VARS, "secrets": {"backend": "a.B", "params": params}}
        },
    ],
)
def test_what_looks_like_a_secret_is_refused(place: Callable[..., Any], key: str) -> None:
    with pytest.raises(ConfigError) as error:
        run_config(**place({key: "S3CRET"}))
    assert f"'{key}' looks like a secret" in str(error.value)
    assert "where run_config.authentication puts it" in str(error.value)
    assert "\n" not in str(error.value)
    assert "S3CRET" not in str(error.value)


def test_ids_and_names_are_no_secrets() -> None:
    params = {"client_id": "1", "service_account": "a@b", "monkey": "x", "number": 7, "key": "v"}
    read = run_config(mlflow={"request_header_provider_params": params}).mlflow
    # kedro-mlflow takes text only.
    assert read.request_header_provider_params == {**params, "number": "7"}


def test_a_parameter_of_a_provider_is_text() -> None:
    with pytest.raises(ConfigError, match=r"provider_params.scopes: expected text"):
        run_config(mlflow={"request_header_provider_params": {"scopes": ["S3CRET"]}})


def arguments_of(spec: dict[str, Any]) -> dict[str, list[str]]:
    executors = spec["deploymentSpec"]["executors"]
    containers = [entry["container"] for entry in executors.values() if "container" in entry]
    return {container["args"][0]: container["args"] for container in containers}


def test_every_task_is_told(new_project: Callable[..., KedroProject]) -> None:
    settings = {"authentication": VARS, "mlflow": {"request_header_provider_params": {"a": "b"}}}
    told = arguments_of(new_project(mlflow=MLFLOW, run_config=settings).spec())
    assert told.keys() == {"mlflow-start-run", "task", "mlflow-finish-run"}
    for arguments in told.values():
        document = json.loads(arguments[arguments.index("--authentication") + 1])
        assert document == {**VARS, "provider_params": {"a": "b"}}


def test_no_value_of_the_environment_is_compiled(
    new_project: Callable[..., KedroProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (USER, PASSWORD):
        monkeypatch.setenv(name, "S3CRET")
    spec = new_project(mlflow=MLFLOW, run_config={"authentication": VARS}).spec()
    assert "S3CRET" not in json.dumps(spec)


def test_a_pipeline_without_a_run_is_told_nothing(
    new_project: Callable[..., KedroProject],
) -> None:
    spec = new_project(run_config={"authentication": VARS}).spec()
    assert "--authentication" not in json.dumps(spec)


def test_two_that_would_both_sign_are_refused(new_project: Callable[..., KedroProject]) -> None:
    provider = "kedro_vertexai.auth.gcp.MLFlowGoogleOauthRequestHeaderProvider"
    signed = {"server": {**MLFLOW["server"], "request_header_provider": {"type": provider}}}
    google = {"authentication": {"type": "GoogleOAuth2", "params": {"audience": "a"}}}
    with pytest.raises(ConfigError, match=f"GoogleOAuth2 and {provider}.*would both sign"):
        new_project(mlflow={**MLFLOW, **signed}, run_config=google).compile()
