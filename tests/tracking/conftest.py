"""A real MLflow server for all of these tests, and a proxy in front of it for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import Engine, OwnRun
from mlflow_proxy import MlflowProxy
from mlflow_server import running_mlflow
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
    with running_mlflow(tmp_path_factory.mktemp("server")) as host:
        yield host


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


@pytest.fixture
def own_run(tmp_path: Path) -> OwnRun:
    """A run that a project starts by itself, elsewhere than mlflow.yml says."""
    from mlflow import MlflowClient

    server = f"sqlite:///{tmp_path / 'own.db'}"
    client = MlflowClient(server)
    run = client.create_run(client.create_experiment("own"))
    return OwnRun(run.info.run_id, client, server)
