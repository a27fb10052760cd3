"""`kedro vertexai auth check`, against a server that lets only signed requests through."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import ACCOUNT, AUDIENCE
from click.testing import Result
from project_factory import KedroProject
from secret_servers import SecretManagerServer
from signed_server import SignedServer
from token_service import ISSUER, MACHINE, Key, TokenService

from kedro_vertexai.auth.mlflow_request_header_provider import DynamicMLFlowRequestHeaderProvider

KeyFile = Callable[..., Path]
Project = Callable[..., KedroProject]
OAUTH = "kedro_vertexai.auth.gcp.MLFlowGoogleOauthRequestHeaderProvider"
IAM = "kedro_vertexai.auth.gcp.MLFlowGoogleIAMRequestHeaderProvider"
PIPELINES = "pipelines@test-project.iam.gserviceaccount.com"
OWN = """
from kedro_vertexai.auth.gcp import MLFlowGoogleOauthRequestHeaderProvider


class Own(MLFlowGoogleOauthRequestHeaderProvider):
    pass
"""
USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN"))


@pytest.fixture(autouse=True)
def unchanged(register: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow's providers and server, and the environment, are those of before."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def project(new_project: Project, server: SignedServer) -> Project:
    """A project of the signed server."""

    def make(
        provider: str = "",
        init_kwargs: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **run_config: Any,
    ) -> KedroProject:
        settings: dict[str, Any] = {"mlflow_tracking_uri": server.url}
        if provider:
            options = {"type": provider, "pass_context": True, "init_kwargs": init_kwargs or {}}
            settings["request_header_provider"] = options
        return new_project(mlflow={"server": settings}, run_config=run_config, files=files or {})

    return make


def check(project: KedroProject, *arguments: str) -> tuple[Result, dict[str, str]]:
    """The command's end, and what it showed by title."""
    project.bootstrap()
    before = dict(os.environ)
    result = project.invoke("auth", "check", *arguments)
    # Kedro puts the project there each time it is bootstrapped.
    assert {**os.environ, "PYTHONPATH": ""} == {**before, "PYTHONPATH": ""}
    assert "Traceback" not in result.output
    lines = [re.split(r"  +", line, maxsplit=1) for line in result.stdout.splitlines()]
    return result, {line[0]: line[1] for line in lines if len(line) == 2}


def error_of(result: Result) -> str:
    """The one line on standard error."""
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def test_a_provider_of_mlflow_yml(
    project: Project, server: SignedServer, google: TokenService, key_file: KeyFile
) -> None:
    path = key_file()
    result, shown = check(project(OAUTH, {"client_id": AUDIENCE}))
    assert result.exit_code == 0, result.output
    assert shown["server"] == server.url
    assert shown["signed by"] == OAUTH
    assert shown["credentials"] == (
        f"GOOGLE_APPLICATION_CREDENTIALS: {path} (service_account of {ACCOUNT})"
    )
    assert (shown["audience"], shown["issuer"], shown["subject"]) == (AUDIENCE, ISSUER, ACCOUNT)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:]{8} UTC, in (59|60) min", shown["expires"])
    assert shown["request"].startswith("accepted")
    assert [path for path, _ in server.seen] == ["/api/2.0/mlflow/experiments/search"]
    assert server.refused == []
    for token in (*google.issued, *google.access_tokens):
        assert token not in result.output


def test_parameters_of_vertexai_yml(project: Project, key_file: KeyFile) -> None:
    key_file()
    params = {"request_header_provider_params": {"client_id": AUDIENCE}}
    result, shown = check(project(OAUTH, mlflow=params))
    assert result.exit_code == 0, result.output
    assert shown["audience"] == AUDIENCE


def test_the_machine(project: Project, google: TokenService, register: Any) -> None:
    register(DynamicMLFlowRequestHeaderProvider)
    google.is_machine = True
    authentication = {"type": "GoogleOAuth2", "params": {"audience": AUDIENCE}}
    result, shown = check(project(authentication=authentication))
    assert result.exit_code == 0, result.output
    assert shown["credentials"] == "the machine's service account, as its metadata server says"
    assert (shown["signed by"], shown["subject"]) == (OAUTH, MACHINE)


@pytest.mark.parametrize(
    ("provider", "init_kwargs", "subject"),
    [
        (OAUTH, {"client_id": AUDIENCE}, PIPELINES),
        (IAM, {"client_id": AUDIENCE, "service_account": ACCOUNT}, ACCOUNT),
    ],
)
def test_as_the_pipeline_will_run(
    project: Project,
    google: TokenService,
    provider: str,
    init_kwargs: Mapping[str, str],
    subject: str,
) -> None:
    """Whoever checks may impersonate the pipeline, and only that may impersonate another."""
    google.is_machine = True
    google.impersonators |= {PIPELINES: {MACHINE}, ACCOUNT: {PIPELINES}}
    result, shown = check(project(provider, init_kwargs), "--as", PIPELINES)
    assert result.exit_code == 0, result.output
    assert (shown["acting as"], shown["subject"], shown["email"]) == (PIPELINES, subject, subject)


def test_a_class_of_the_users_own_made_of_one_of_ours(
    project: Project, google: TokenService
) -> None:
    google.is_machine = True
    google.impersonators[PIPELINES] = {MACHINE}
    made = project("own_signing.Own", {"client_id": AUDIENCE}, {"src/own_signing.py": OWN})
    result, shown = check(made, "--as", PIPELINES)
    assert result.exit_code == 0, result.output
    assert (shown["signed by"], shown["acting as"]) == ("own_signing.Own", PIPELINES)
    assert "credentials" in shown
    assert "not used" not in shown


def test_as_an_account_that_may_not_be_impersonated(
    project: Project, google: TokenService, server: SignedServer
) -> None:
    google.is_machine = True
    result, shown = check(project(OAUTH, {"client_id": AUDIENCE}), "--as", PIPELINES)
    assert f"as {PIPELINES}" in error_of(result)
    assert "roles/iam.serviceAccountTokenCreator" in error_of(result)
    assert "request" not in shown
    assert server.seen == []


def test_user_and_password_of_a_secret_backend(
    project: Project, server: SignedServer, secret_manager: SecretManagerServer, key_file: KeyFile
) -> None:
    key_file()
    secret_manager.readers = {ACCOUNT}
    path = "projects/my-project/secrets/{}/versions/latest"
    secret_manager.secrets = {path.format(USER): b"me", path.format(PASSWORD): b"S3CRET"}
    server.plain = {"Basic bWU6UzNDUkVU"}
    authentication = {
        "type": "Vars",
        "params": [USER, PASSWORD],
        "secrets": {"backend": "google-secret-manager"},
    }
    result, shown = check(project(authentication=authentication))
    assert result.exit_code == 0, result.output
    assert shown["signed with"] == ", ".join(
        f"{name} (put there by the configuration)" for name in (USER, PASSWORD)
    )
    assert "S3CRET" not in result.output


@pytest.mark.parametrize("service_account", [None, PIPELINES])
def test_a_token_that_a_task_writes_for_itself(
    new_project: Project, server: SignedServer, google: TokenService, service_account: str | None
) -> None:
    """As `dynamic_config_providers` do; nothing is left of it among the user's files."""
    google.is_machine = True
    google.impersonators[PIPELINES] = {MACHINE}
    provider = {
        "cls": "kedro_vertexai.auth.gcp.MLFlowGoogleOAuthCredentialsProvider",
        "params": {"client_id": AUDIENCE},
    }
    project = new_project(
        mlflow={"server": {"mlflow_tracking_uri": server.url, "credentials": "gcp_credentials"}},
        run_config={"dynamic_config_providers": [provider]},
    )
    arguments = ("--as", service_account) if service_account else ()
    result, shown = check(project, *arguments)
    assert result.exit_code == 0, result.output
    assert shown["signed with"] == f"{TOKEN} (put there by the configuration)"
    assert shown["credentials"] == "the machine's service account, as its metadata server says"
    assert shown.get("acting as") == service_account
    assert (shown["audience"], shown["subject"]) == (AUDIENCE, service_account or MACHINE)
    assert shown["request"].startswith("accepted")
    assert server.refused == []
    left = [file.read_bytes() for file in project.path.rglob("*") if file.is_file()]
    for token in google.issued:
        assert token not in result.output
        assert not [content for content in left if token.encode() in content]


def test_secrets_are_read_as_the_pipeline_will_run(
    project: Project,
    server: SignedServer,
    secret_manager: SecretManagerServer,
    google: TokenService,
) -> None:
    google.is_machine = True
    google.impersonators[PIPELINES] = {MACHINE}
    secret_manager.readers = {PIPELINES}
    secret_manager.secrets = {f"projects/my-project/secrets/{TOKEN}/versions/latest": b"S3CRET"}
    server.plain = {"Bearer S3CRET"}
    secrets = {"backend": "google-secret-manager"}
    authentication = {"type": "Vars", "params": [TOKEN], "secrets": secrets}
    result, shown = check(project(authentication=authentication), "--as", PIPELINES)
    assert result.exit_code == 0, result.output
    assert shown["acting as"] == PIPELINES
    assert "not used" not in shown
    assert "S3CRET" not in result.output


def test_an_account_in_whose_name_nothing_is_asked(
    project: Project, server: SignedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "S3CRET")
    server.plain = {"Bearer S3CRET"}
    result, shown = check(project(), "--as", PIPELINES)
    assert result.exit_code == 0, result.output
    assert shown["not used"] == f"--as {PIPELINES}: nothing is asked of Google here"
    assert not {"acting as", "credentials"} & shown.keys()


def test_a_token_of_the_environment_that_beats_the_provider(
    project: Project, server: SignedServer, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file()
    monkeypatch.setenv(TOKEN, "S3CRET")
    server.plain = {"Bearer S3CRET"}
    result, shown = check(project(OAUTH, {"client_id": AUDIENCE}))
    assert result.exit_code == 0, result.output
    assert shown["signed with"] == f"{TOKEN} (environment)"
    assert shown["not used"] == f"{OAUTH}: MLflow prefers what is in the environment"
    assert shown["token"] == "none that says who it is for"
    assert "S3CRET" not in result.output


def test_a_revoked_key(
    project: Project, google: TokenService, key_file: KeyFile, server: SignedServer
) -> None:
    key_file()
    google.key_files[ACCOUNT] = Key()
    result, shown = check(project(OAUTH, {"client_id": AUDIENCE}))
    assert "invalid_grant: Invalid JWT Signature." in error_of(result)
    assert shown["signed by"] == OAUTH
    assert server.seen == []


def test_a_server_that_expects_another_audience(project: Project, key_file: KeyFile) -> None:
    key_file()
    result, shown = check(project(OAUTH, {"client_id": "another"}))
    assert shown["audience"] == "another"
    assert "does not answer a signed request" in error_of(result)
    assert "not signed" in error_of(result)


def test_a_server_that_is_not_there(new_project: Project, key_file: KeyFile) -> None:
    key_file()
    options = {"type": OAUTH, "init_kwargs": {"client_id": AUDIENCE}}
    server = {"mlflow_tracking_uri": "http://127.0.0.1:9", "request_header_provider": options}
    result, _ = check(new_project(mlflow={"server": server}))
    assert error_of(result).startswith("Error: http://127.0.0.1:9 does not answer a signed request")


@pytest.mark.parametrize(
    ("mlflow", "reason"),
    [
        (None, "the project has no mlflow.yml"),
        ({"server": {"mlflow_tracking_uri": "sqlite:///x.db"}}, "no server is asked"),
        ({"server": {"mlflow_tracking_uri": "http://127.0.0.1:9"}}, "nothing signs requests"),
        ({"server": {"tracking_uri": "http://127.0.0.1:9"}}, "mlflow.yml cannot be used"),
    ],
)
def test_a_project_in_which_nothing_is_signed(
    new_project: Project, mlflow: Any, reason: str
) -> None:
    result, _ = check(new_project(mlflow=mlflow))
    assert reason in error_of(result)


def test_a_missing_parameter(project: Project) -> None:
    result, _ = check(project(IAM, {"client_id": AUDIENCE}))
    assert "MLFlowGoogleIAMRequestHeaderProvider needs service_account" in error_of(result)


def test_no_mlflow_experiment_is_made_by_other_plugins(
    project: Project, server: SignedServer, key_file: KeyFile
) -> None:
    key_file()
    check(project(OAUTH, {"client_id": AUDIENCE}))
    assert not any("get-by-name" in path or "create" in path for path, _ in server.seen)
