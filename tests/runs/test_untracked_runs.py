"""Where MLflow is not in use nothing of it runs; what a run leaves lies in one place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from local_run import LocalRun, run_once
from project_factory import MLFLOW, KedroProject, write_project
from without_kedro_mlflow import without_kedro_mlflow

NODES = """
    def note(value):
        import mlflow

        return {"value": value, "active": mlflow.active_run() is not None}


    def metric(value):
        return 0.5


    nodes = [
        node(note, "params:start", "noted", name="note"),
        node(metric, "noted", "score", name="metric"),
    ]
    PIPELINES = {name: Pipeline(nodes) for name in ("__default__", "secret")}
"""
# A resolver that only exists once Kedro has called this hook.
SETTINGS = """
    from kedro.framework.hooks import hook_impl
    from omegaconf import OmegaConf


    class Resolvers:
        @hook_impl
        def after_context_created(self, context):
            OmegaConf.register_new_resolver("twice", lambda n: 2 * n, replace=True)


    HOOKS = (Resolvers(),)
"""
CATALOG = {
    "noted": {"type": "json.JSONDataset", "filepath": "data/noted.json"},
    "score": {"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "score"},
}
# An entry that no node of the pipeline has, of a class that only another image can make.
ELSEWHERE = {"elsewhere": {"type": "not_in_this_image.Dataset", "filepath": "data/x"}}
DISABLED = {**MLFLOW, "tracking": {"disable_tracking": {"pipelines": ["secret"]}}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    return write_project(
        tmp_path_factory.mktemp("untracked"),
        nodes=NODES,
        parameters={"start": "${twice:4}"},
        settings=SETTINGS,
        catalog=CATALOG,
        files={
            "conf/tracked/mlflow.yml": yaml.safe_dump(DISABLED),
            "conf/local/catalog.yml": yaml.safe_dump(ELSEWHERE),
        },
    )


@pytest.fixture(scope="module", params=["no mlflow.yml", "disabled for this pipeline"])
def run(project: KedroProject, request: pytest.FixtureRequest) -> LocalRun:
    if request.param == "no mlflow.yml":
        return run_once(project)
    return run_once(project, "-p", "secret", kedro_env="tracked")


def test_no_step_is_for_mlflow(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed
    assert run.states() == {"note": "SUCCEEDED", "metric": "SUCCEEDED"}


def test_kedro_mlflow_opens_no_run(run: LocalRun) -> None:
    assert yaml.safe_load(run.output("noted.json").read_text()) == {"value": 8, "active": False}
    assert not list(run.project.path.rglob("mlflow.db"))
    assert not list(run.project.path.rglob("mlruns"))


def test_a_pipeline_that_is_not_disabled_is_tracked(project: KedroProject) -> None:
    tracked = run_once(project, kedro_env="tracked")
    assert tracked.exit_code == 0, tracked.printed
    assert tracked.mlflow_run().data.metrics == {"score": 0.5}


def test_without_kedro_mlflow_installed_a_project_that_configures_it_is_not_tracked(
    project: KedroProject, tmp_path: Path
) -> None:
    env = without_kedro_mlflow(tmp_path)
    run = run_once(project, "-n", "note", kedro_env="tracked", env=env)
    assert run.exit_code == 0, run.printed
    assert run.states() == {"note": "SUCCEEDED"}
