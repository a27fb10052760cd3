"""A pipeline of several tasks, each a process of its own, against a real MLflow server.

In front of it stands one that lets only signed requests through.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import ACCOUNT, AUDIENCE
from project_factory import KedroProject
from signed_server import SignedServer
from token_service import Key, TokenService

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
CATALOG = {
    "rmse": {"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "rmse"},
    "report": {
        "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
        "dataset": {"type": "text.TextDataset", "filepath": "data/report.txt"},
    },
}

pytestmark = pytest.mark.slow


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[str]:
    """Host and port of a real server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    options = {
        "--host": "127.0.0.1",
        "--port": host.partition(":")[2],
        "--workers": "1",
        "--backend-store-uri": f"sqlite:///{tmp_path / 'server.db'}",
        "--artifacts-destination": str(tmp_path / "artifacts"),
    }
    words = [sys.executable, "-m", "mlflow", "server"]
    words += [word for option in options.items() for word in option]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, cwd=tmp_path)
    try:
        wait_for(f"http://{host}/health")
        yield host
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 180
    while not answers(url):
        assert time.monotonic() < deadline, url
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def proxy(key: Key, mlflow_server: str) -> Iterator[SignedServer]:
    with SignedServer(key, AUDIENCE, mlflow_server) as proxy:
        yield proxy


def signing_project(new_project: Callable[..., KedroProject], server: SignedServer) -> KedroProject:
    provider = {
        "type": "kedro_vertexai.auth.gcp.MLFlowGoogleOauthRequestHeaderProvider",
        "pass_context": True,
        "init_kwargs": {"client_id": AUDIENCE},
    }
    settings = {"mlflow_tracking_uri": server.url, "request_header_provider": provider}
    return new_project(
        nodes=NODES,
        parameters={"start": 0.5},
        catalog=CATALOG,
        mlflow={"server": settings, "tracking": {"experiment": {"name": "signed"}}},
    )


def test_every_request_is_signed(
    new_project: Callable[..., KedroProject],
    proxy: SignedServer,
    google: TokenService,
    key_file: Callable[..., Path],
    mlflow_server: str,
) -> None:
    """Tokens live for a few seconds, and are renewed within a task."""
    from mlflow import MlflowClient

    key_file()
    google.lifetime = 4
    project = signing_project(new_project, proxy)
    done = project.kedro("vertexai", "run-once", "--target", "local", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.refused == []
    assert any("/mlflow-artifacts/" in path for path, _ in proxy.seen)
    assert len(google.issued) > len(("start-run", "start", "train", "finish", "finish-run"))
    client = MlflowClient(f"http://{mlflow_server}")
    (run,) = client.search_runs([client.get_experiment_by_name("signed").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rmse"] == 0.5
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 10
    assert [entry.path for entry in client.list_artifacts(run.info.run_id)] == ["report.txt"]
    left = [file for file in project.path.rglob("*") if file.is_file()]
    for token in (*google.issued, *google.access_tokens):
        assert token not in done.stdout + done.stderr
        assert not [file for file in left if token.encode() in file.read_bytes()]


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
