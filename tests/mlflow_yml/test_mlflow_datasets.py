"""kedro-mlflow's datasets, written by one task and read by another; a task that is tried again."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from local_run import LocalRun, artifacts_of, mlflow_client, run_once
from project_factory import MLFLOW, KedroProject, write_project

pytestmark = pytest.mark.slow

NODES = """
    import os
    from pathlib import Path

    import numpy as np


    def train(slope):
        from sklearn.linear_model import LinearRegression

        return LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([0.0, slope]))


    def predict(model):
        return round(float(model.predict(np.array([[3.0]]))[0]), 6)


    def predict_registered(registered, saved_before):
        return predict(registered)


    def as_text(*values):
        return repr(values[0])


    def fail_once(*values):
        # Outside of the task's own directory: an attempt begins anew.
        marker = Path(os.environ["ATTEMPTS"], "failed")
        if not marker.exists():
            marker.touch()
            raise RuntimeError("the first attempt")
        return "second attempt"


    def two(values):
        yield values[0]
        yield values[1]


    again = {"tags": "group.again"}
    HISTORY = {"loss": [{"value": 0.5, "step": 0}, {"value": 0.25, "step": 1}],
               "rmse": {"value": 2.0, "step": 0}}
    NODES = [
        node(train, "params:slope", "model", name="log_model"),
        node(train, "params:other_slope", "other_model", name="log_other_model"),
        node(predict, "model", "predicted", name="load_model"),
        node(predict, "other_model", "predicted_other", name="load_other_model"),
        node(predict_registered, ["registered", "predicted"], "predicted_registered",
             name="load_registered"),
        node(train, "params:slope", "model_file", name="save_model_file"),
        node(predict, "model_file", "predicted_file", name="load_model_file"),
        node(lambda slope: "text", "params:slope", "artifact", name="log_artifact"),
        node(as_text, "artifact", "artifact_read", name="read_artifact"),
        node(lambda slope: "far", "params:slope", "far_artifact", name="log_far_artifact"),
        node(as_text, "far_artifact", "far_artifact_read", name="read_far_artifact"),
        node(lambda slope: 0.5, "params:slope", "score", name="log_score"),
        node(lambda score: 0.75, "score", "score_again", name="append_score"),
        node(as_text, "score_again", "score_read", name="read_score"),
        node(lambda slope: 0.5, "params:slope", "checked", name="log_checked"),
        node(lambda slope: [3.0, 2.0, 1.0], "params:slope", "losses", name="log_losses"),
        node(as_text, "losses", "losses_read", name="read_losses"),
        node(lambda slope: HISTORY, "params:slope", "history", name="log_history"),
        node(as_text, "history", "history_read", name="read_history"),
        node(lambda slope: 0.1, "params:slope", "again.appended", name="a1", **again),
        node(lambda slope: 0.2, "params:slope", "again.overwritten", name="a2", **again),
        node(lambda slope: [0.3, 0.4], "params:slope", "again.losses", name="a3", **again),
        node(lambda slope: HISTORY, "params:slope", "again.history", name="a4", **again),
        node(lambda slope: {5: 0.5}, "params:slope", "again.steps", name="a5", **again),
        node(two, "params:two", "again.yielded", name="a6", **again),
        node(train, "params:slope", "again.model", name="a7", **again),
        node(fail_once, ["again.appended", "again.overwritten", "again.losses", "again.history",
                         "again.steps", "again.yielded", "again.model"],
             "attempt", name="fail_once", **again),
        node(predict_registered, ["again.model", "attempt"], "again_predicted",
             name="load_model_of_the_second_attempt"),
    ]
"""
# A bucket of the test's own: fsspec knows it by its protocol, and so every task does.
BUCKET = """
    import os

    import fsspec
    from fsspec.implementations.dirfs import DirFileSystem
    from fsspec.implementations.local import LocalFileSystem


    class Bucket(DirFileSystem):
        protocol = "gs"

        def __init__(self, **options):
            super().__init__(path=os.environ["BUCKET"], fs=LocalFileSystem(auto_mkdir=True))

        @classmethod
        def _strip_protocol(cls, path):
            return path.removeprefix("gs://") if isinstance(path, str) else path


    for protocol in ("gs", "gcs"):
        fsspec.register_implementation(protocol, Bucket, clobber=True)


    class Plus:
        def __init__(self, by):
            self.by = by

        def validate(self, data):
            return data + self.by
"""
ARTIFACT = "kedro_mlflow.io.artifacts.MlflowArtifactDataset"
SKLEARN = {"flavor": "mlflow.sklearn"}


def metric(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"kedro_mlflow.io.metrics.Mlflow{kind}Dataset", **arguments}


def model(**arguments: Any) -> dict[str, Any]:
    # Older pickles warn; the format is the catalog's to choose.
    arguments["save_args"] = {"serialization_format": "cloudpickle", **arguments["save_args"]}
    return {"type": "kedro_mlflow.io.models.MlflowModelTrackingDataset", **SKLEARN, **arguments}


APPEND = {"save_args": {"mode": "append"}}
RESULTS = (
    "predicted",
    "predicted_other",
    "predicted_registered",
    "predicted_file",
    "artifact_read",
    "far_artifact_read",
    "score_read",
    "losses_read",
    "history_read",
    "attempt",
    "again_predicted",
)
CATALOG = {
    # Both under one name: what tells them apart is the dataset.
    "model": model(save_args={"name": "line", "registered_model_name": "shop-line"}),
    "other_model": model(save_args={"name": "line"}),
    "registered": {
        "type": "kedro_mlflow.io.models.MlflowModelRegistryDataset",
        "model_name": "shop-line",
        **SKLEARN,
    },
    "model_file": {
        "type": "kedro_mlflow.io.models.MlflowModelLocalFileSystemDataset",
        "filepath": "data/model",
        **SKLEARN,
    },
    "artifact": {
        "type": ARTIFACT,
        "dataset": {"type": "text.TextDataset", "filepath": "data/artifact.txt"},
        "artifact_path": "reports/today",
    },
    "far_artifact": {
        "type": ARTIFACT,
        "dataset": {"type": "text.TextDataset", "filepath": "gs://far/artifact.txt"},
        "artifact_path": "reports",
    },
    # Without a key, which kedro-mlflow then takes from the dataset's name.
    "score": metric("Metric", **APPEND),
    "score_again": metric("Metric", key="score", **APPEND),
    "checked": metric(
        "Metric", validator={"class": "datasets_of_mlflow.Plus", "options": {"by": 10}}
    ),
    "losses": metric("MetricHistory"),
    "history": metric("MetricsHistory"),
    # Made by patterns, which kedro-mlflow's own hook passes over.
    "{group}.appended": metric("Metric", **APPEND),
    "{group}.yielded": metric("Metric", **APPEND),
    "again.overwritten": metric("Metric"),
    "again.losses": metric("MetricHistory"),
    "again.history": metric("MetricsHistory", prefix="tried"),
    "again.steps": metric("MetricHistory", save_args={"mode": "dict"}),
    "again.model": model(save_args={"name": "again"}),
    **{name: {"type": "json.JSONDataset", "filepath": f"data/{name}.json"} for name in RESULTS},
}
RUN_CONFIG = {
    "grouping": {"cls": "kedro_vertexai.grouping.TagNodeGrouper"},
    "retries": {"__default__": {"count": 1, "backoff": 0.1}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    folder = tmp_path_factory.mktemp("mlflow_datasets")
    (folder / "bucket").mkdir()
    project: KedroProject = write_project(
        folder / "project",
        package="datasets_of_mlflow",
        nodes=NODES,
        parameters={"slope": 2.0, "other_slope": 5.0, "two": [0.6, 0.7]},
        catalog=CATALOG,
        mlflow=MLFLOW,
        run_config=RUN_CONFIG,
        files={"src/datasets_of_mlflow/__init__.py": _unindented(BUCKET)},
    )
    return run_once(project, env={"BUCKET": str(folder / "bucket"), "ATTEMPTS": str(folder)})


def _unindented(text: str) -> str:
    from textwrap import dedent

    return dedent(text)


def read(run: LocalRun, name: str) -> Any:
    return json.loads(run.output(f"{name}.json").read_text())


def points(run: LocalRun, key: str) -> list[tuple[int, float]]:
    client = mlflow_client(run.project.path / ".vertexai" / "mlflow.db")
    history = client.get_metric_history(run.mlflow_run().info.run_id, key)
    return sorted((point.step, point.value) for point in history)


def test_every_task_succeeds(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed


def test_a_logged_model_is_loaded_by_another_task(run: LocalRun) -> None:
    assert read(run, "predicted") == 6.0


def test_two_models_of_one_name_are_told_apart_by_their_datasets(run: LocalRun) -> None:
    assert read(run, "predicted_other") == 15.0


def test_a_registered_model_is_loaded_by_another_task(run: LocalRun) -> None:
    assert read(run, "predicted_registered") == 6.0


def test_a_model_on_the_local_disk_is_loaded_by_another_task(run: LocalRun) -> None:
    assert read(run, "predicted_file") == 6.0


def test_an_artifact_is_read_by_another_task_and_logged(run: LocalRun) -> None:
    assert read(run, "artifact_read") == "'text'"
    logged = artifacts_of(run.mlflow_run()) / "reports" / "today" / "artifact.txt"
    assert logged.read_text() == "text"


def test_an_artifact_at_a_remote_place_is_read_by_another_task_and_logged(run: LocalRun) -> None:
    assert read(run, "far_artifact_read") == "'far'"
    logged = artifacts_of(run.mlflow_run()) / "reports" / "artifact.txt"
    assert logged.read_text() == "far"
    kept = run.project.path.parent / "bucket" / "far" / "artifact.txt"
    assert kept.read_text() == "far"


def test_a_metric_is_read_by_another_task(run: LocalRun) -> None:
    assert read(run, "score_read") == "0.75"


def test_appending_from_two_tasks_keeps_both_points_with_and_without_a_key(run: LocalRun) -> None:
    assert points(run, "score") == [(0, 0.5), (1, 0.75)]


def test_what_the_catalog_validates_is_validated(run: LocalRun) -> None:
    assert points(run, "checked") == [(0, 10.5)]


def test_a_metrics_history_is_read_by_another_task(run: LocalRun) -> None:
    assert read(run, "losses_read") == "[3.0, 2.0, 1.0]"
    assert points(run, "losses") == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_several_metrics_are_read_by_another_task(run: LocalRun) -> None:
    history = yaml.safe_load(read(run, "history_read"))
    assert history["history.rmse"] == {"step": 0, "value": 2.0}
    assert [point["value"] for point in history["history.loss"]] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("again.appended", [(0, 0.1)]),
        ("again.overwritten", [(0, 0.2)]),
        ("again.losses", [(0, 0.3), (1, 0.4)]),
        ("again.steps", [(5, 0.5)]),
        ("tried.loss", [(0, 0.5), (1, 0.25)]),
        ("tried.rmse", [(0, 2.0)]),
        ("again.yielded", [(0, 0.6), (1, 0.7)]),
    ],
)
def test_a_task_that_is_tried_again_logs_no_point_twice(
    run: LocalRun, key: str, expected: list[tuple[int, float]]
) -> None:
    assert read(run, "attempt") == "second attempt"
    assert points(run, key) == expected


def test_a_model_of_a_task_that_is_tried_again_is_found(run: LocalRun) -> None:
    assert read(run, "again_predicted") == 6.0
