"""What mlflow.yml says of server, experiment, run and parameters holds for all tasks of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, mlflow_client, mlflow_runs, run_once
from mlflow.entities import Run
from project_factory import KedroProject, write_project

pytestmark = pytest.mark.slow

NODES = """
    import os

    import mlflow
    import numpy as np


    def seen(value):
        run = mlflow.active_run()
        return {
            "run_id": run.info.run_id,
            "name": run.info.run_name,
            "secret": os.environ.get("SECRET_OF_MLFLOW"),
            "registry": mlflow.get_registry_uri(),
        }


    def with_children(value):
        for number in (1, 2):
            with mlflow.start_run(run_name=f"child-{number}", nested=True):
                mlflow.log_param("number", number)
        mlflow.log_metric("after_the_children", 1.0)


    def fit_with_autolog(value):
        from sklearn.linear_model import LinearRegression

        mlflow.sklearn.autolog(serialization_format="cloudpickle")
        LinearRegression(positive=True).fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))


    @mlflow.trace(name="decorated")
    def inner(value):
        return value


    def traced(value):
        with mlflow.start_span(name="by hand") as span:
            span.set_inputs({"value": value})
        return inner(value)


    NODES = [
        node(seen, "params:model", "first_seen", name="first"),
        node(seen, "params:long", "second_seen", name="second"),
        node(with_children, "params:one", None, name="with_children"),
        node(fit_with_autolog, "params:one", None, name="fit_with_autolog"),
        node(traced, "params:one", None, name="traced"),
    ]
    PIPELINES = {"__default__": Pipeline(NODES), "two": Pipeline(NODES[:2])}
"""
PARAMETERS = {
    "one": 1,
    "model": {"depth": 3, "trees": {"leaves": {"least": 2}}, 5: "whole"},
    "long": "x" * 7000,
}
RESULTS = {
    name: {"type": "json.JSONDataset", "filepath": f"data/{name}.json"}
    for name in ("first_seen", "second_seen")
}
CREDENTIALS = "mlflow_secrets: {SECRET_OF_MLFLOW: from the file}\n"
# One environment for each way to say something.
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "all": {
        "server": {
            "mlflow_tracking_uri": "sqlite:///{folder}/tracking.db",
            "mlflow_registry_uri": "sqlite:///{folder}/registry.db",
            "credentials": "mlflow_secrets",
        },
        "tracking": {
            "experiment": {
                "name": "shop",
                "create_experiment_kwargs": {
                    "artifact_location": "{folder}/artifacts",
                    "tags": {"team": "tools"},
                },
            },
            "run": {"name": "${runtime_params:mlflow_run_name, ${km.random_name:}}"},
            "params": {
                "dict_params": {"flatten": True, "recursive": True, "sep": "/"},
                "long_params_strategy": "truncate",
            },
        },
        "ui": {"port": "5001", "host": "0.0.0.0"},
    },
    "flat": {
        "tracking": {
            "run": {"name": "${runtime_params:mlflow_run_name, null}"},
            "params": {
                "dict_params": {"flatten": True, "recursive": False},
                "long_params_strategy": "tag",
            },
        },
    },
    "failing": {"tracking": {"params": {"long_params_strategy": "fail"}}},
    "existing": {
        "server": {"mlflow_tracking_uri": "sqlite:///{folder}/tracking.db"},
        "tracking": {
            "experiment": {"name": "shop"},
            "run": {"id": "${oc.env:EXISTING_RUN}"},
            "params": {"long_params_strategy": "truncate"},
        },
    },
}
# Kedro's loader has this resolver for credentials only.
SETTINGS = """
    from omegaconf.resolvers import oc

    CONFIG_LOADER_ARGS = {
        "base_env": "base",
        "default_run_env": "local",
        "custom_resolvers": {"oc.env": oc.env},
    }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    folder = tmp_path_factory.mktemp("settings")
    files = {"conf/local/.gitkeep": "", "conf/all/credentials.yml": CREDENTIALS}
    for name, mlflow in ENVIRONMENTS.items():
        text = json.dumps(mlflow).replace("{folder}", str(folder))
        files[f"conf/{name}/mlflow.yml"] = text
    return write_project(
        folder / "project",
        nodes=NODES,
        parameters=PARAMETERS,
        catalog=RESULTS,
        settings=SETTINGS,
        files=files,
    )


@pytest.fixture(scope="module")
def everything(project: KedroProject) -> LocalRun:
    run = run_once(project, kedro_env="all")
    assert run.exit_code == 0, run.printed
    return run


@pytest.fixture(scope="module")
def recorded(everything: LocalRun) -> Run:
    """The run as the server of mlflow.yml has it."""
    runs = [run for run in mlflow_runs(tracking(everything)) if "kedro_pipeline" in run.data.tags]
    assert len(runs) == 1
    return runs[0]


def tracking(run: LocalRun) -> Path:
    return run.project.path.parent / "tracking.db"


def seen(run: LocalRun, name: str) -> dict[str, Any]:
    return dict(json.loads(run.output(f"{name}_seen.json").read_text()))


def test_runs_are_recorded_where_the_file_says(everything: LocalRun, recorded: Run) -> None:
    assert not (everything.project.path / ".vertexai" / "mlflow.db").exists()
    assert recorded.info.status == "FINISHED"


def test_the_registry_of_the_file_is_that_of_every_task(everything: LocalRun) -> None:
    registry = f"sqlite:///{everything.project.path.parent}/registry.db"
    assert {seen(everything, name)["registry"] for name in ("first", "second")} == {registry}


def test_credentials_are_in_the_environment_of_every_task(everything: LocalRun) -> None:
    assert {seen(everything, name)["secret"] for name in ("first", "second")} == {"from the file"}


def test_the_experiment_is_made_as_the_file_says(everything: LocalRun, recorded: Run) -> None:
    experiment = mlflow_client(tracking(everything)).get_experiment(recorded.info.experiment_id)
    assert experiment.name == "shop"
    assert experiment.tags["team"] == "tools"
    assert experiment.artifact_location.endswith(f"{everything.project.path.parent}/artifacts")


def test_all_tasks_log_into_one_run_of_one_random_name(everything: LocalRun, recorded: Run) -> None:
    first, second = seen(everything, "first"), seen(everything, "second")
    assert first["run_id"] == second["run_id"] == recorded.info.run_id
    assert first["name"] == second["name"] == recorded.info.run_name
    assert recorded.info.run_name not in ("", "__default__")


def test_nested_parameters_are_flattened_with_the_separator(recorded: Run) -> None:
    assert recorded.data.params["model/depth"] == "3"
    assert recorded.data.params["model/trees/leaves/least"] == "2"
    assert recorded.data.params["model/5"] == "whole"
    assert "model" not in recorded.data.params


def test_a_long_parameter_is_truncated(recorded: Run) -> None:
    assert recorded.data.params["long"] == "x" * 6000


def test_runs_started_in_a_node_are_children_of_the_one_run(
    everything: LocalRun, recorded: Run
) -> None:
    children = {
        run.info.run_name: run
        for run in mlflow_runs(tracking(everything))
        if run.data.tags.get("mlflow.parentRunId") == recorded.info.run_id
    }
    assert set(children) == {"child-1", "child-2"}
    assert children["child-2"].data.params == {"number": "2"}
    assert children["child-2"].info.status == "FINISHED"
    assert recorded.data.metrics["after_the_children"] == 1.0


def test_what_autologging_logs_is_in_the_one_run(everything: LocalRun, recorded: Run) -> None:
    assert recorded.data.params["positive"] == "True"
    assert "training_mean_squared_error" in recorded.data.metrics
    models = mlflow_client(tracking(everything)).search_logged_models([recorded.info.experiment_id])
    assert [model.source_run_id for model in models] == [recorded.info.run_id]


def test_traces_of_a_node_are_in_the_one_run(everything: LocalRun, recorded: Run) -> None:
    client = mlflow_client(tracking(everything))
    traces = client.search_traces(
        locations=[recorded.info.experiment_id], run_id=recorded.info.run_id
    )
    names = {span.name for trace in traces for span in trace.data.spans}
    assert {"by hand", "decorated"} <= names


@pytest.fixture(scope="module")
def renamed(project: KedroProject) -> LocalRun:
    """A server that only the environment names, as two ways of naming the run follow."""
    server = f"sqlite:///{project.path.parent}/from_environment.db"
    run = run_once(
        project,
        "-p",
        "two",
        "--param",
        "mlflow_run_name=my-awesome-name",
        kedro_env="flat",
        env={"MLFLOW_TRACKING_URI": server},
    )
    assert run.exit_code == 0, run.printed
    return run


@pytest.fixture(scope="module")
def renamed_run(renamed: LocalRun) -> Run:
    (run,) = mlflow_runs(renamed.project.path.parent / "from_environment.db")
    return run


def test_without_a_uri_in_the_file_the_environment_names_the_server(renamed_run: Run) -> None:
    assert renamed_run.info.status == "FINISHED"


def test_a_runtime_parameter_names_the_run(renamed: LocalRun, renamed_run: Run) -> None:
    assert renamed_run.info.run_name == "my-awesome-name"
    assert {seen(renamed, name)["name"] for name in ("first", "second")} == {"my-awesome-name"}


def test_only_the_first_level_is_flattened_unless_recursive(renamed_run: Run) -> None:
    assert renamed_run.data.params["model.depth"] == "3"
    assert renamed_run.data.params["model.trees"] == "{'leaves': {'least': 2}}"


def test_without_a_name_the_experiment_is_the_packages(renamed: LocalRun, renamed_run: Run) -> None:
    client = mlflow_client(renamed.project.path.parent / "from_environment.db")
    experiment = client.get_experiment(renamed_run.info.experiment_id)
    assert experiment.name == renamed.project.package


def test_a_long_parameter_becomes_a_tag(renamed_run: Run) -> None:
    assert "long" not in renamed_run.data.params
    assert renamed_run.data.tags["long"].startswith("xxx")


def test_a_long_parameter_fails_its_task_where_the_file_says_so(project: KedroProject) -> None:
    """And without any URI, the store is beside the job."""
    run = run_once(project, "-p", "two", kedro_env="failing")
    assert run.exit_code == 1
    assert run.states()["first"] == "SUCCEEDED"
    assert "long_params_strategy" in run.tasks["second"]["error"]
    assert run.mlflow_run().info.status == "FAILED"
    assert run.mlflow_run().info.run_name == "two"


def test_a_run_that_the_file_names_is_continued(
    project: KedroProject, everything: LocalRun
) -> None:
    client = mlflow_client(tracking(everything))
    experiment = client.get_experiment_by_name("shop")
    existing = client.create_run(experiment.experiment_id, run_name="begun before")
    client.log_metric(existing.info.run_id, "before", 1.0)
    run = run_once(
        project,
        "-p",
        "two",
        kedro_env="existing",
        env={"EXISTING_RUN": existing.info.run_id},
    )
    assert run.exit_code == 0, run.printed
    continued = client.get_run(existing.info.run_id)
    assert continued.info.run_name == "begun before"
    assert continued.info.status == "FINISHED"
    assert continued.data.metrics["before"] == 1.0
    assert {seen(run, name)["run_id"] for name in ("first", "second")} == {existing.info.run_id}


def test_what_kedro_mlflows_own_init_writes_is_honoured(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", nodes=NODES, parameters=PARAMETERS)
    made = project.kedro("mlflow", "init")
    assert made.returncode == 0, made.stdout + made.stderr
    assert (project.path / "conf/local/mlflow.yml").is_file()
    run = run_once(project, "-n", "first")
    assert run.exit_code == 0, run.printed
    assert set(run.states()) == {"mlflow-start-run", "first", "mlflow-finish-run"}
    assert run.mlflow_run().info.status == "FINISHED"
