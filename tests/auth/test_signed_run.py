"""A pipeline of several tasks, each a process of its own, against a real MLflow server.

In front of it stands one that lets only signed requests through.
"""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import ACCOUNT, AUDIENCE
from google.auth import jwt
from mlflow_server import running_mlflow
from project_factory import KedroProject
from secret_servers import VaultServer
from signed_server import SignedServer
from token_service import MACHINE, Key, TokenService

NODES = """
import mlflow
import time


def train(alpha):
    for step in range(10):
        mlflow.log_metric("loss", alpha / (1 + step), step=step)
        time.sleep(0.5)
    return alpha, str(alpha)


NODES = [
    node(first, "params:start", "alpha", name="start"),
    node(train, "alpha", ["rmse", "report"], name="train"),
    node(first, ["rmse", "alpha"], "done", name="finish"),
]
"""
FAILING = """
import mlflow


def fail(started):
    mlflow.log_metric("seen", 1)
    return 1 / 0


NODES = [
    node(first, "params:start", "started", name="start"),
    node(fail, "started", "failed", name="fail"),
]
"""
CATALOG = {
    "rmse": {"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "rmse"},
    "report": {
        "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
        "dataset": {"type": "text.TextDataset", "filepath": "data/report.txt"},
    },
}
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a real server."""
    with running_mlflow(tmp_path_factory.mktemp("server")) as host:
        yield host


@pytest.fixture
def proxy(key: Key, mlflow_server: str) -> Iterator[SignedServer]:
    with SignedServer(key, AUDIENCE, mlflow_server) as proxy:
        yield proxy


PROVIDER = {
    "type": "kedro_vertexai.auth.gcp.MLFlowGoogleOauthRequestHeaderProvider",
    "pass_context": True,
}
HOOK = """
    from kedro_vertexai.auth.gcp import MLFlowGoogleOauthRequestHeaderProvider
    from kedro_vertexai.auth.mlflow_request_header_provider_hook import (
        MLFlowRequestHeaderProviderHook,
    )

    HOOKS = (MLFlowRequestHeaderProviderHook(MLFlowGoogleOauthRequestHeaderProvider),)
"""
# One that knows MLflow alone, as kedro-mlflow's own documentation has it.
PLAIN = """
import google.auth
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from mlflow.tracking.request_header.abstract_request_header_provider import (
    RequestHeaderProvider,
)


class Plain(RequestHeaderProvider):
    def __init__(self, audience):
        self.audience = audience

    def in_context(self):
        return True

    def request_headers(self):
        token = id_token.fetch_id_token(Request(), self.audience)
        return {"Authorization": f"Bearer {token}"}
"""
# One as our documentation has it, which asks for its tokens itself.
OWN = """
import google.auth
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)


class Own(RequestHeaderProviderWithKedroContext):
    def in_context(self):
        return "audience" in self.params

    def request_headers(self):
        token = id_token.fetch_id_token(Request(), self.params["audience"])
        return {"Authorization": f"Bearer {token}", "X-Env": self.kedro_context.env}
"""
# Google's addresses, which no configuration of google-auth can change, in each process.
GOOGLE_IS_HERE = """
    import os

    from google.auth import credentials, iam

    SERVICE = f"{os.environ['GOOGLE_IS_AT']}/v1/projects/-/serviceAccounts/{{}}"
    iam._IAM_IDTOKEN_ENDPOINT = f"{SERVICE}:generateIdToken"
    # Else a thread asks Google itself where an account may be used from.
    boundary = credentials.CredentialsWithRegionalAccessBoundary
    boundary._maybe_start_regional_access_boundary_refresh = lambda *_: None
"""
IAM = "kedro_vertexai.auth.gcp.MLFlowGoogleIAMRequestHeaderProvider"
CALLER = "caller@test-project.iam.gserviceaccount.com"
# The ways in which tasks may come by a token of Google's, each as (server of mlflow.yml,
# run_config of vertexai.yml, settings.py).
BY_GOOGLE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "mlflow.yml": (
        {"request_header_provider": {**PROVIDER, "init_kwargs": {"client_id": AUDIENCE}}},
        {},
        "",
    ),
    "parameters of vertexai.yml": (
        {"request_header_provider": PROVIDER},
        {"mlflow": {"request_header_provider_params": {"client_id": AUDIENCE}}},
        "",
    ),
    "hook in settings.py": (
        {},
        {"mlflow": {"request_header_provider_params": {"client_id": AUDIENCE}}},
        HOOK,
    ),
    "IAM as another account": (
        {
            "request_header_provider": {
                "type": IAM,
                "pass_context": True,
                "init_kwargs": {"client_id": AUDIENCE, "service_account": ACCOUNT},
            }
        },
        {},
        GOOGLE_IS_HERE,
    ),
    "the machine's metadata server": (
        {"request_header_provider": {**PROVIDER, "init_kwargs": {"client_id": AUDIENCE}}},
        {},
        "",
    ),
    "a class of the project's own": (
        {
            "request_header_provider": {
                "type": "signing_of_mine.Own",
                "pass_context": True,
                "init_kwargs": {"audience": AUDIENCE},
            }
        },
        {},
        "",
    ),
    "a class that knows MLflow alone": (
        {
            "request_header_provider": {
                "type": "signing_of_mine.Plain",
                "init_kwargs": {"audience": AUDIENCE},
            }
        },
        {},
        "",
    ),
    "authentication": (
        {},
        {"authentication": {"type": "GoogleOAuth2", "params": {"audience": AUDIENCE}}},
        "",
    ),
    "authentication for GOOGLE_AUDIENCE": ({}, {"authentication": {"type": "GoogleOAuth2"}}, ""),
}


def signing_project(
    new_project: Callable[..., KedroProject],
    server: SignedServer,
    way: tuple[Any, ...] = BY_GOOGLE["mlflow.yml"],
    **described: Any,
) -> KedroProject:
    server_yml, run_config, *settings = way
    experiment = f"signed-{next(NUMBERS)}"
    return new_project(
        parameters={"start": 0.5},
        mlflow={
            "server": {"mlflow_tracking_uri": server.url, **server_yml},
            "tracking": {"experiment": {"name": experiment}},
        },
        run_config=run_config,
        settings="".join(settings),
        files={"src/signing_of_mine.py": PLAIN + OWN},
        **{"nodes": NODES, "catalog": CATALOG, **described},
    )


def run_of(project: KedroProject, mlflow_server: str) -> Any:
    """The one run of the project's experiment, as the server itself tells of it."""
    from mlflow import MlflowClient

    client = MlflowClient(f"http://{mlflow_server}")
    name = yaml.safe_load((project.path / "conf/base/mlflow.yml").read_text("utf-8"))
    experiment = client.get_experiment_by_name(name["tracking"]["experiment"]["name"])
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def assert_nowhere(secrets: Iterable[str], project: KedroProject, printed: str) -> None:
    left = [file.read_bytes() for file in project.path.rglob("*") if file.is_file()]
    for secret in secrets:
        assert secret not in printed
        assert not [content for content in left if secret.encode() in content]


@pytest.mark.parametrize("way", BY_GOOGLE)
def test_every_request_is_signed(
    way: str,
    new_project: Callable[..., KedroProject],
    proxy: SignedServer,
    google: TokenService,
    key_file: Callable[..., Path],
    mlflow_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens live for a few seconds, and are renewed within a task."""
    monkeypatch.setenv("GOOGLE_IS_AT", google.url)
    subject = ACCOUNT
    if way == "the machine's metadata server":
        monkeypatch.setenv("GCE_METADATA_HOST", google.host)
        google.is_machine, subject = True, MACHINE
    elif way == "IAM as another account":
        key_file(CALLER)
        google.impersonators[ACCOUNT] = {CALLER}
    else:
        key_file()
    if way == "authentication for GOOGLE_AUDIENCE":
        monkeypatch.setenv("GOOGLE_AUDIENCE", AUDIENCE)
    google.lifetime = 4
    project = signing_project(new_project, proxy, BY_GOOGLE[way])
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.refused == []
    assert any("/mlflow-artifacts/" in path for path, _ in proxy.seen)
    assert {jwt.decode(token, verify=False)["sub"] for token in google.issued} == {subject}
    if way == "a class of the project's own":
        assert {headers.get("X-Env") for headers in proxy.headers} == {"local"}
    assert len(google.issued) > len(("start-run", "start", "train", "finish", "finish-run"))
    client, run = run_of(project, mlflow_server)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rmse"] == 0.5
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 10
    assert [entry.path for entry in client.list_artifacts(run.info.run_id)] == ["report.txt"]
    secrets = (*google.issued, *google.access_tokens)
    assert_nowhere(secrets, project, done.stdout + done.stderr)


def test_a_user_and_password_of_vault(
    new_project: Callable[..., KedroProject],
    proxy: SignedServer,
    vault: VaultServer,
    mlflow_server: str,
) -> None:
    """In every task, and in no file of the run; with a node that fails, and keeps its copy."""
    vault.secrets["mlflow"] = {"user": "me", "MLFLOW_TRACKING_PASSWORD": "S3CRET-of-vault"}
    proxy.plain = {f"Basic {b64encode(b'me:S3CRET-of-vault').decode()}"}
    authentication = {
        "type": "Vars",
        "params": {"MLFLOW_TRACKING_USERNAME": "user", "MLFLOW_TRACKING_PASSWORD": None},
        "secrets": {"backend": "vault", "params": {"path": "mlflow"}},
    }
    way: Any = ({}, {"authentication": authentication})
    project = signing_project(new_project, proxy, way, nodes=FAILING, catalog={})
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert proxy.refused == []
    _, run = run_of(project, mlflow_server)
    assert run.info.status == "FAILED"
    assert run.data.metrics == {"seen": 1.0}
    assert len(vault.asked) == len(("start-run", "start", "fail", "finish-run"))
    assert_nowhere(("S3CRET-of-vault", *vault.tokens), project, done.stdout + done.stderr)


def test_a_token_that_a_task_writes_for_itself(
    new_project: Callable[..., KedroProject],
    proxy: SignedServer,
    google: TokenService,
    key_file: Callable[..., Path],
    mlflow_server: str,
) -> None:
    """It does not outlive the task, also where a failed one's working copy stays."""
    key_file()
    provider = {
        "cls": "kedro_vertexai.auth.gcp.MLFlowGoogleOAuthCredentialsProvider",
        "params": {"client_id": AUDIENCE},
    }
    way: Any = ({"credentials": "gcp_credentials"}, {"dynamic_config_providers": [provider]})
    project = signing_project(new_project, proxy, way, nodes=FAILING, catalog={})
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert proxy.refused == []
    _, run = run_of(project, mlflow_server)
    assert run.info.status == "FAILED"
    assert run.data.metrics == {"seen": 1.0}
    assert list(project.path.glob(".vertexai/jobs/*/work/*/project/conf/base"))
    assert_nowhere(google.issued, project, done.stdout + done.stderr)


def test_a_secret_that_cannot_be_had_fails_the_first_task(
    new_project: Callable[..., KedroProject], server: SignedServer, vault: VaultServer
) -> None:
    authentication = {
        "type": "Vars",
        "params": ["MLFLOW_TRACKING_TOKEN"],
        "secrets": {"backend": "vault", "params": {"path": "mlflow"}},
    }
    project = signing_project(new_project, server, ({}, {"authentication": authentication}))
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert done.returncode != 0
    assert "Vault holds no secret 'MLFLOW_TRACKING_TOKEN'" in done.stdout + done.stderr
    assert server.seen == []


def test_a_revoked_key_fails_the_run(
    new_project: Callable[..., KedroProject],
    server: SignedServer,
    google: TokenService,
    key_file: Callable[..., Path],
) -> None:
    key_file()
    google.key_files[ACCOUNT] = Key()
    project = signing_project(new_project, server)
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert done.returncode != 0
    assert server.seen == []
    (record,) = project.path.glob(".vertexai/jobs/*/job.json")
    tasks = json.loads(record.read_text("utf-8"))["tasks"]
    states = {task["display_name"]: task["state"] for task in tasks}
    assert states["mlflow-start-run"] == "FAILED"
    assert "cannot sign the request" in done.stdout + done.stderr
    assert "invalid_grant: Invalid JWT Signature." in done.stdout + done.stderr
