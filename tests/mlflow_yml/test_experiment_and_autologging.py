"""What mlflow.yml says of a deleted experiment, of nested runs and of autologging."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, mlflow_client, mlflow_runs, run_once
from mlflow.entities import ViewType
from project_factory import KedroProject, write_project

pytestmark = pytest.mark.slow

NODES = """
    import mlflow
    import numpy as np


    def fit(value):
        from sklearn.linear_model import LinearRegression

        LinearRegression(positive=True).fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))


    def nest(value):
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_param("own", value)


    PIPELINES = {
        "__default__": Pipeline([
            node(fit, "params:one", None, name="fit"),
            node(nest, "params:one", None, name="nest"),
        ]),
        "short": Pipeline([node(first, "params:one", "done", name="only")]),
    }
"""
# Some platforms switch it on for every process, before any node runs.
SETTINGS = """
    import mlflow

    mlflow.autolog()
"""
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "default": {"tracking": {"experiment": {"name": "default"}}},
    "said": {
        "tracking": {
            "experiment": {"name": "said"},
            "disable_tracking": {"disable_autologging": False},
            "run": {"nested": False},
        }
    },
    "restored": {"tracking": {"experiment": {"name": "restored"}}},
    "left": {"tracking": {"experiment": {"name": "left", "restore_if_deleted": False}}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    folder = tmp_path_factory.mktemp("experiments")
    server = {"server": {"mlflow_tracking_uri": f"sqlite:///{folder}/tracking.db"}}
    files = {
        f"conf/{name}/mlflow.yml": json.dumps({**server, **said})
        for name, said in ENVIRONMENTS.items()
    }
    return write_project(
        folder / "project",
        nodes=NODES,
        parameters={"one": 1},
        settings=SETTINGS,
        files={"conf/local/.gitkeep": "", **files},
    )


def database(project: KedroProject) -> Path:
    return project.path.parent / "tracking.db"


def run_of(run: LocalRun) -> Any:
    (found,) = [
        found
        for found in mlflow_runs(database(run.project))
        if found.data.tags.get("vertexai_run_id") == run.record["job_id"]
    ]
    return found


def delete_experiment(project: KedroProject, name: str) -> str:
    """Make an experiment and delete it, as a user does in MLflow's page; its id."""
    client = mlflow_client(database(project))
    experiment = str(client.create_experiment(name))
    client.delete_experiment(experiment)
    return experiment


def test_autologging_is_off_unless_the_file_says_otherwise(project: KedroProject) -> None:
    run = run_once(project, kedro_env="default")
    assert run.exit_code == 0, run.printed
    assert "positive" not in run_of(run).data.params


def test_autologging_stays_as_it_is_where_the_file_says_so(project: KedroProject) -> None:
    """Without `nested`, too, a node's runs are children: no task starts the run that is open."""
    run = run_once(project, kedro_env="said")
    assert run.exit_code == 0, run.printed
    one = run_of(run)
    assert one.data.params["positive"] == "True"
    assert one.info.status == "FINISHED"
    (child,) = [
        other
        for other in mlflow_runs(database(project))
        if other.data.tags.get("mlflow.parentRunId") == one.info.run_id
    ]
    assert child.info.run_name == "child"


def test_a_deleted_experiment_is_restored(project: KedroProject) -> None:
    experiment = delete_experiment(project, "restored")
    run = run_once(project, "-p", "short", kedro_env="restored")
    assert run.exit_code == 0, run.printed
    assert run_of(run).info.experiment_id == experiment
    assert run_of(run).info.status == "FINISHED"


def test_a_deleted_experiment_is_left_where_the_file_says_so(project: KedroProject) -> None:
    experiment = delete_experiment(project, "left")
    run = run_once(project, "-p", "short", kedro_env="left")
    assert run.exit_code == 1
    assert "deleted experiment 'left'" in run.tasks["mlflow-start-run"]["error"]
    assert run.states()["only"] == "SKIPPED"
    client = mlflow_client(database(project))
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert not client.search_runs([experiment], run_view_type=ViewType.ALL)
