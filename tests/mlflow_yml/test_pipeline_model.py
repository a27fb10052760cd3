"""`pipeline_ml_factory`: each node a task, and the pipeline logged as a model after all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from local_run import LocalRun, mlflow_client, run_once
from project_factory import MLFLOW, KedroProject, write_project

from kedro_vertexai.errors import ProjectError

NewProject = Callable[..., KedroProject]

NODES = """
    import numpy as np
    import pandas as pd
    from kedro_mlflow.pipeline import pipeline_ml_factory


    def table(rows):
        return pd.DataFrame({"x": np.arange(float(rows)), "y": 2 * np.arange(float(rows))})


    def split(raw):
        return raw[["x"]], raw["y"]


    def fit_scale(instances):
        return float(instances["x"].max())


    def scaled(instances, scale):
        return instances / scale


    def fit(features, target):
        from sklearn.linear_model import LinearRegression

        return LinearRegression().fit(features, target)


    def predict(model, features, factor):
        return (factor * model.predict(features)).round(6).tolist()


    TRAINING = Pipeline([
        node(table, "params:rows", "raw", name="table"),
        node(split, "raw", ["instances", "target"], name="split"),
        node(fit_scale, "instances", "scale", name="fit_scale", tags="model"),
        node(scaled, ["instances", "scale"], "features", name="scaled", tags="model"),
        node(fit, ["features", "target"], "model", name="fit", tags="model"),
    ])
    INFERENCE = Pipeline([
        node(scaled, ["instances", "scale"], "features", name="scale_new"),
        node(predict, ["model", "features", "params:factor"], "predictions", name="predict_new"),
    ])
    PIPELINES = {
        "training": pipeline_ml_factory(
            training=TRAINING,
            inference=INFERENCE,
            input_name="instances",
            log_model_kwargs={"name": "whole-pipeline"},
        ),
        "__default__": TRAINING,
    }
"""
CATALOG = {
    "scale": {"type": "json.JSONDataset", "filepath": "data/scale.json"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/model.pkl"},
}
PARAMETERS = {"rows": 5, "factor": 1.0}
LOGS_MODEL = "mlflow-log-model"


# A first attempt at logging the model that is killed while it does, and a second one that fails
# when it has.
INTERRUPTS = """
    import os
    from pathlib import Path

    import mlflow
    from kedro.framework.hooks import hook_impl
    from kedro_mlflow.pipeline.pipeline_ml import PipelineML


    def is_attempt(number, pipeline):
        attempts = Path(os.environ["ATTEMPTS"])
        return isinstance(pipeline, PipelineML) and len(list(attempts.iterdir())) == number


    class Killed:
        @hook_impl(tryfirst=True)
        def after_pipeline_run(self, pipeline):
            if is_attempt(0, pipeline):
                Path(os.environ["ATTEMPTS"], "1").touch()
                run = mlflow.active_run()
                tags = {"vertexai_run_id": run.data.tags["vertexai_run_id"]}
                client = mlflow.MlflowClient()
                client.create_logged_model(
                    run.info.experiment_id, "half", source_run_id=run.info.run_id, tags=tags
                )
                os._exit(9)


    class Fails:
        @hook_impl(trylast=True)
        def after_pipeline_run(self, pipeline):
            if is_attempt(1, pipeline):
                Path(os.environ["ATTEMPTS"], "2").touch()
                raise OSError("not yet")


    HOOKS = (Killed(), Fails())
"""
# A first attempt that is killed when the model is logged: before the registry has a version of it,
# or before the model itself says that there is one.
DIES = """
    import os
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.tracking._model_registry import fluent
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS


    def dies_once(function, concerned):
        def act(*arguments, **named):
            attempt = Path(os.environ["ATTEMPTS"], "1")
            if concerned(arguments) and not attempt.exists():
                attempt.touch()
                os._exit(9)
            return function(*arguments, **named)

        return act


    if os.environ.get("DIES") == "before the version":
        fluent._register_model = dies_once(fluent._register_model, lambda arguments: True)
    else:
        MlflowClient.set_logged_model_tags = dies_once(
            MlflowClient.set_logged_model_tags,
            lambda arguments: MLFLOW_MODEL_VERSIONS in arguments[2],
        )
"""
REGISTERED = '{"name": "whole-pipeline", "registered_model_name": "shop"}'


def described(**more: Any) -> dict[str, Any]:
    return {
        "nodes": NODES,
        "parameters": PARAMETERS,
        "catalog": CATALOG,
        "mlflow": MLFLOW,
        **more,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    project = write_project(tmp_path_factory.mktemp("pipeline_model"), **described())
    return run_once(project, "-p", "training", "--param", "factor=10.0")


@pytest.mark.slow
def test_each_node_is_a_task_and_the_last_one_logs_the_model(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed
    states = run.states()
    assert set(states.values()) == {"SUCCEEDED"}
    assert {"table", "split", "fit_scale", "scaled", "fit", LOGS_MODEL} <= set(states)
    lines = run.printed
    assert lines.index(" fit: SUCCEEDED") < lines.index(f" {LOGS_MODEL}: RUNNING")


@pytest.mark.slow
def test_the_model_belongs_to_the_run_of_all_tasks(run: LocalRun) -> None:
    (model,) = logged_models(run)
    assert model.name == "whole-pipeline"
    assert model.source_run_id == run.mlflow_run().info.run_id
    assert run.mlflow_run().info.status == "FINISHED"


@pytest.mark.slow
def test_the_model_predicts_in_a_fresh_process(run: LocalRun, tmp_path: Path) -> None:
    (model,) = logged_models(run)
    script = dedent(
        f"""
        import json, mlflow, pandas as pd
        mlflow.set_tracking_uri("sqlite:///{run.project.path}/.vertexai/mlflow.db")
        model = mlflow.pyfunc.load_model("{model.model_uri}")
        new = pd.DataFrame({{"x": [1.0, 7.0]}})
        print(json.dumps([model.predict(new), model.predict(new, params={{"factor": 1.0}})]))
        """
    )
    # Its nodes' functions are the package's, as in any Kedro model.
    env = {**os.environ, "PYTHONPATH": str(run.project.path / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The factor of this run, and the one asked for.
    assert json.loads(done.stdout.splitlines()[-1]) == [[20.0, 140.0], [2.0, 14.0]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "dies", "attempts"),
    [(INTERRUPTS, "", 2), (DIES, "before the version", 1), (DIES, "before its tag", 1)],
)
def test_a_task_that_is_tried_again_logs_and_registers_one_model(
    tmp_path: Path, settings: str, dies: str, attempts: int
) -> None:
    folder = tmp_path / "attempts"
    folder.mkdir()
    project = write_project(
        tmp_path / "project",
        **described(
            nodes=NODES.replace('{"name": "whole-pipeline"}', REGISTERED),
            settings=settings,
            run_config={"retries": {"__default__": {"count": 2, "backoff": 0.1}}},
        ),
    )
    run = run_once(project, "-p", "training", env={"ATTEMPTS": str(folder), "DIES": dies})
    assert run.exit_code == 0, run.printed
    assert len(list(folder.iterdir())) == attempts
    (model,) = logged_models(run)
    assert (model.name, model.status.value) == ("whole-pipeline", "READY")
    client = mlflow_client(project.path / ".vertexai" / "mlflow.db")
    (version,) = client.search_model_versions("name = 'shop'")
    assert model.model_id in version.source


@pytest.mark.slow
def test_nobody_is_advised_to_close_the_run(run: LocalRun) -> None:
    assert "close it manually" not in run.log(LOGS_MODEL)


def logged_models(run: LocalRun) -> list[Any]:
    client = mlflow_client(run.project.path / ".vertexai" / "mlflow.db")
    experiments = [entry.experiment_id for entry in client.search_experiments()]
    return list(client.search_logged_models(experiments))


def test_the_task_that_logs_it_waits_for_all_and_reads_what_the_model_is_made_of(
    new_project: NewProject,
) -> None:
    plan = new_project(**described()).compile(pipeline="training").plan
    task = plan.tasks[-1]
    assert task.title == LOGS_MODEL
    assert {artifact.dataset for artifact in task.inputs} == {"instances", "scale", "model"}
    assert [parameter.name for parameter in task.parameters] == ["factor"]
    assert not task.outputs


def test_a_pipeline_that_is_only_added_to_others_is_not_logged(new_project: NewProject) -> None:
    plan = new_project(**described()).compile().plan
    assert LOGS_MODEL not in [task.title for task in plan.tasks]


def test_without_tracking_nothing_logs_it(new_project: NewProject) -> None:
    plan = new_project(**described(mlflow=None)).compile(pipeline="training").plan
    assert [task.title for task in plan.tasks] == ["table", "split", "fit_scale", "scaled", "fit"]


def test_nodes_that_make_all_of_the_model_log_it(new_project: NewProject) -> None:
    from kedro_vertexai.project_pipeline import Filters

    files = {"data/instances.csv": "x\n1\n", "data/target.csv": "y\n2\n"}
    raw = {
        name: {"type": "pandas.CSVDataset", "filepath": f"data/{name}.csv"}
        for name in ("instances", "target")
    }
    project = new_project(**described(catalog={**CATALOG, **raw}, files=files))
    compiled = project.compile(pipeline="training", filters=Filters(tags=("model",)))
    assert LOGS_MODEL in [task.title for task in compiled.plan.tasks]


def test_nodes_that_make_too_little_of_it_run_without_it_and_say_so(
    new_project: NewProject,
) -> None:
    from kedro_vertexai.project_pipeline import Filters

    filters = Filters(node_names=("table", "split"))
    compiled = new_project(**described()).compile(pipeline="training", filters=filters)
    assert [task.title for task in compiled.plan.tasks] == ["table", "split"]
    assert any("not logged as a model" in note for note in compiled.notes)


@pytest.mark.parametrize(
    "entry", [None, {"type": "pickle.PickleDataset", "filepath": "gs://bucket/scale.pkl"}]
)
def test_a_part_that_is_no_local_file_is_refused_by_name(
    new_project: NewProject, entry: Any
) -> None:
    catalog = {"model": CATALOG["model"], **({"scale": entry} if entry else {})}
    with pytest.raises(ProjectError, match=r"dataset 'scale'.*local filepath"):
        new_project(**described(catalog=catalog)).compile(pipeline="training")


def test_a_node_of_the_same_name_is_left_alone(new_project: NewProject) -> None:
    nodes = NODES.replace('name="table"', f'name="{LOGS_MODEL}"')
    plan = new_project(**described(nodes=nodes)).compile(pipeline="training").plan
    assert len({task.name for task in plan.tasks}) == len(plan.tasks) == 6
    assert plan.tasks[-1].name == LOGS_MODEL
