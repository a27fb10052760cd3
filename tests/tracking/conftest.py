"""A real MLflow server for all of these tests, and a proxy in front of it for each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from engine import Engine
from mlflow_proxy import MlflowProxy
from project_factory import KedroProject

# What a local run leaves is read as in the tests of runs.
sys.path.append(str(Path(__file__).parents[1] / "runs"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "server" in getattr(
            item, "fixturenames", ()
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a real server."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    options = {
        "--host": "127.0.0.1",
        "--port": host.partition(":")[2],
        "--workers": "1",
        "--backend-store-uri": f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination": str(folder / "artifacts"),
    }
    words = [sys.executable, "-m", "mlflow", "server"]
    words += [word for option in options.items() for word in option]
    # Half a dozen processes more, for what no test here asks of it.
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        started = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env=env)
    try:
        _wait_for(f"http://{host}/health")
        yield host
    finally:
        started.terminate()
        started.wait(20)


@pytest.fixture
def proxy(server: str) -> Iterator[MlflowProxy]:
    with MlflowProxy(server) as proxy:
        yield proxy


@pytest.fixture
def engine(
    new_project: Callable[..., KedroProject], proxy: MlflowProxy, tmp_path: Path
) -> Callable[..., Engine]:
    def make(
        yml: dict[str, Any] | None = None, project: dict[str, Any] | None = None, **given: Any
    ) -> Engine:
        made = new_project(
            mlflow={"server": {"mlflow_tracking_uri": proxy.url}, "tracking": yml or {}},
            **{"catalog": "{}", **(project or {})},
        )
        folder = tmp_path / "engine"
        folder.mkdir()
        return Engine(made, folder, **{"job_id": tmp_path.name, **given})

    return make


@pytest.fixture
def client(server: str) -> Any:
    """The real client, past the proxy."""
    from mlflow import MlflowClient

    return MlflowClient(f"http://{server}")


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 180
    while not _answers(url):
        assert time.monotonic() < deadline, url
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True
