"""Where runs are recorded: the server of mlflow.yml, or one store for all tasks of a local job."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from kedro_vertexai.errors import TaskError
from kedro_vertexai.tracking.config import STORE_VARIABLE, adapt_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local job's directory for the store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state"


def adapt(tmp_path: Path, mlflow: Any) -> dict[str, Any]:
    base = tmp_path / "conf" / "base"
    base.mkdir(parents=True, exist_ok=True)
    (base / "mlflow.yml").write_text(yaml.safe_dump(mlflow))
    loader = OmegaConfigLoader(str(tmp_path / "conf"), base_env="base", default_run_env="base")
    context: Any = SimpleNamespace(config_loader=loader)
    adapted = adapt_store(context)
    assert loader["mlflow"] == adapted
    return adapted


def server(uri: str | None) -> dict[str, Any]:
    return {"server": {"mlflow_tracking_uri": uri}}


@pytest.mark.parametrize("uri", [None, "", "mlruns", "./mlruns", "sqlite:///mlflow.db"])
def test_what_lies_in_the_project_lies_in_the_jobs_store(
    tmp_path: Path, store: Path, uri: str | None
) -> None:
    adapted = adapt(tmp_path, server(uri))
    assert adapted["server"]["mlflow_tracking_uri"] == f"sqlite:///{store}/mlflow.db"
    kwargs = adapted["tracking"]["experiment"]["create_experiment_kwargs"]
    assert kwargs["artifact_location"] == f"{store}/mlartifacts"


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://mlflow.example.com",
        "sqlite:////srv/mlflow.db",
        "/srv/mlruns",
        "file:///srv/mlruns",
        "postgresql://user@host/db",
        "databricks",
        "databricks://profile",
        "uc://x",
    ],
)
def test_a_place_that_every_task_reaches_is_kept(tmp_path: Path, store: Path, uri: str) -> None:
    adapted = adapt(tmp_path, server(uri))
    assert adapted["server"]["mlflow_tracking_uri"] == uri
    assert "create_experiment_kwargs" not in adapted["tracking"]["experiment"]


def test_a_server_in_the_environment_is_kept(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert adapt(tmp_path, server(None))["server"]["mlflow_tracking_uri"] is None


def test_an_artifact_location_of_the_users_is_kept(tmp_path: Path, store: Path) -> None:
    kwargs = {"artifact_location": "gs://bucket/mlflow"}
    adapted = adapt(
        tmp_path,
        {**server(None), "tracking": {"experiment": {"create_experiment_kwargs": kwargs}}},
    )
    assert adapted["tracking"]["experiment"]["create_experiment_kwargs"] == kwargs


def test_without_a_local_job_nothing_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    adapted = adapt(tmp_path, server("mlruns"))
    assert adapted["server"]["mlflow_tracking_uri"] == "mlruns"


@pytest.mark.parametrize("mlflow", [None, {}, {"server": None, "tracking": None}])
def test_empty_sections_are_as_good_as_none(tmp_path: Path, store: Path, mlflow: Any) -> None:
    assert adapt(tmp_path, mlflow)["server"]["mlflow_tracking_uri"].startswith("sqlite:///")


@pytest.mark.parametrize("uri", ["mlruns", "sqlite:///registry.db"])
def test_a_registry_in_the_project_lies_in_the_jobs_store(
    tmp_path: Path, store: Path, uri: str
) -> None:
    adapted = adapt(tmp_path, {"server": {"mlflow_registry_uri": uri}})
    assert adapted["server"]["mlflow_registry_uri"] == f"sqlite:///{store}/mlflow.db"


def test_a_registry_that_every_task_reaches_is_kept(tmp_path: Path, store: Path) -> None:
    uri = "https://registry.example.com"
    adapted = adapt(tmp_path, {"server": {"mlflow_registry_uri": uri}})
    assert adapted["server"]["mlflow_registry_uri"] == uri


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        (None, "no credentials.yml"),
        ({"other": {"TOKEN": "x"}}, "no credentials.yml"),
        ({"mlflow": "x"}, "no credentials.yml"),
        ({"mlflow": {"TOKEN": 7312}}, "'mlflow.TOKEN'"),
    ],
)
def test_credentials_that_could_not_be_used_are_named_and_not_shown(
    tmp_path: Path, credentials: Any, said: str
) -> None:
    """kedro-mlflow passes over a missing entry, and requests would go out unsigned."""
    if credentials:
        file = tmp_path / "conf" / "base" / "credentials.yml"
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump(credentials))
    with pytest.raises(TaskError, match=said) as refused:
        adapt(tmp_path, {"server": {"credentials": "mlflow"}})
    assert "7312" not in str(refused.value)
