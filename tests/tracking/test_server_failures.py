"""MLflow is down, slow or refuses: at the start, in the middle, at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import Engine
from local_run import run_once
from mlflow_proxy import MlflowProxy, Request
from project_factory import KedroProject
from without_kedro_mlflow import without_kedro_mlflow

from kedro_vertexai.task_inputs import JOB, RUN

NODES = """
    import mlflow

    def logs(value):
        mlflow.log_metric("seen", 1)

    def scores(value):
        return 0.5

    NODES = [
        node(logs, "params:start", None, name="logs"),
        node(scores, "params:start", "score", name="scores"),
    ]
"""
METRIC = "score: {type: kedro_mlflow.io.metrics.MlflowMetricDataset}"
PROJECT = {"nodes": NODES, "parameters": {"start": 1}}
NOWHERE = "http://user:S3CRET@127.0.0.1:9"
REQUIRED = {"required": True, "retry_for": 1}
OPTIONAL = {"required": False, "retry_for": 1}
SUCCEEDED = {"state": "SUCCEEDED"}


def always(answer: Any) -> Callable[[Request], Any]:
    return lambda request: answer


def times(number: int, answer: Any) -> Callable[[Request], Any]:
    """So often, then no more."""
    left = [answer] * number
    return lambda request: left.pop() if left else None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (503, "too many 503 error responses"),
        (403, "it answers PERMISSION_DENIED: not today"),
        ("hang", "it does not answer in time"),
    ],
)
def test_a_start_names_the_server_and_the_reason(
    engine: Callable[..., Engine], proxy: MlflowProxy, answer: Any, reason: str
) -> None:
    proxy.rule = always(answer)
    done = engine(tracking=REQUIRED).start()
    assert done.code == 1
    assert done.parameters == {}
    expected = f"mlflow-start-run: cannot open the MLflow run: MLflow at {proxy.url}: {reason}"
    assert done.line == expected


@pytest.mark.parametrize("command", ["start", "finish"])
def test_a_server_that_is_down_is_named_without_credentials(
    new_project: Callable[..., KedroProject], tmp_path: Any, command: str
) -> None:
    project = new_project(mlflow={"server": {"mlflow_tracking_uri": NOWHERE}}, catalog="{}")
    (tmp_path / "engine").mkdir()
    job = Engine(project, tmp_path / "engine", tracking=REQUIRED)
    done = job.start() if command == "start" else job.finish(SUCCEEDED)
    assert done.code == 1
    assert "MLflow at http://127.0.0.1:9: Connection refused" in done.line
    assert "S3CRET" not in done.line


def test_a_server_that_comes_back_in_time_is_waited_for(
    engine: Callable[..., Engine], proxy: MlflowProxy
) -> None:
    proxy.rule = times(2, 503)
    done = engine(tracking={"required": True, "retry_for": 6}).start()
    assert done.code == 0, done.log


def test_a_task_that_cannot_join_fails_in_one_line(
    engine: Callable[..., Engine], proxy: MlflowProxy
) -> None:
    job = engine(project=PROJECT, tracking=REQUIRED)
    started = job.start().parameters[JOB]
    proxy.rule = always(503)
    done = job.task("logs", started)
    assert done.code == 1
    assert f"cannot join the MLflow run: MLflow at {proxy.url}: too many 503" in done.line


def test_what_a_node_cannot_log_is_told_in_one_line(
    engine: Callable[..., Engine], proxy: MlflowProxy
) -> None:
    job = engine(project=PROJECT, tracking=REQUIRED)
    started = job.start().parameters[JOB]
    proxy.rule = lambda request: 503 if request.path == "runs/log-metric" else None
    done = job.task("logs", started)
    assert done.code == 1
    assert done.line == f"node 'logs' failed: MLflow at {proxy.url}: too many 503 error responses"


def test_where_it_is_not_required_a_task_goes_on_untracked_and_says_so(
    engine: Callable[..., Engine], proxy: MlflowProxy, client: Any
) -> None:
    job = engine(project=PROJECT, tracking=OPTIONAL)
    started = job.start().parameters[JOB]
    proxy.rule = always(503)
    done = job.task("logs", started)
    assert done.code == 0, done.log
    assert "THIS TASK IS NOT TRACKED" in done.log
    assert client.get_run(started["run_id"]).data.metrics == {}
    ended = job.finish(SUCCEEDED)
    assert (ended.code, ended.parameters) == (0, {RUN: None})
    assert "THE MLFLOW RUN IS NOT CLOSED" in ended.log


def test_where_it_is_not_required_a_whole_pipeline_goes_on_untracked_and_says_so(
    new_project: Callable[..., KedroProject],
) -> None:
    project = new_project(
        **PROJECT,
        catalog="{}",
        mlflow={"server": {"mlflow_tracking_uri": NOWHERE}},
        run_config={"tracking": OPTIONAL},
    )
    run = run_once(project)
    assert run.exit_code == 0, run.printed
    assert set(run.states().values()) == {"SUCCEEDED"}
    assert "This job is not tracked: cannot open the MLflow run: MLflow at http" in run.printed
    assert "THIS TASK IS NOT TRACKED" in run.log("logs")
    assert "S3CRET" not in run.printed


@pytest.mark.parametrize("lost", ["everything", "runs/get"])
@pytest.mark.parametrize("node", ["logs", "scores"])
def test_where_it_is_not_required_no_logging_fails_a_task_that_goes_on_untracked(
    engine: Callable[..., Engine], proxy: MlflowProxy, client: Any, node: str, lost: str
) -> None:
    job = engine(project={**PROJECT, "catalog": METRIC}, tracking=OPTIONAL)
    started = job.start().parameters[JOB]
    proxy.rule = lambda request: 403 if lost in ("everything", request.path) else None
    done = job.task(node, started)
    assert done.code == 0, done.log
    assert "THIS TASK IS NOT TRACKED" in done.log
    assert client.get_run(started["run_id"]).data.metrics == {}


def test_where_it_is_not_required_a_server_that_is_lost_later_fails_no_task(
    engine: Callable[..., Engine], proxy: MlflowProxy
) -> None:
    job = engine(project={**PROJECT, "catalog": "{}"}, tracking=OPTIONAL)
    started = job.start().parameters[JOB]
    proxy.rule = lambda request: 403 if request.path == "runs/log-batch" else None
    done = job.task("scores", started)
    assert done.code == 0, done.log
    assert "THE START OF scores IS NOT TRACKED" in done.log


def test_no_password_is_told_of_a_run_or_an_error(
    engine: Callable[..., Engine], client: Any, proxy: MlflowProxy
) -> None:
    """Neither the server's, in what the last task hands over, nor one that a node's error holds."""
    nodes = """
        def fails(value):
            raise OSError("no answer from https://me:S3CRET@shop.example.com/prices")

        NODES = [node(fails, "params:start", None, name="fails")]
    """
    job = engine(project={**PROJECT, "nodes": nodes}, tracking=REQUIRED)
    address = proxy.url.replace("http://", "http://me:S3CRET@")
    file = job.project.path / "conf/base/mlflow.yml"
    file.write_text(file.read_text().replace(proxy.url, address))
    started = job.start().parameters[JOB]
    done = job.task("fails", started)
    assert (
        done.line
        == "node 'fails' failed: OSError: no answer from https://***@shop.example.com/prices"
    )
    ended = job.finish({"state": "FAILED", "error": {"message": "task failed"}})
    assert ended.parameters[RUN]["tracking_uri"] == proxy.url
    assert "S3CRET" not in str(client.get_run(started["run_id"]).data.tags)


def test_an_image_without_kedro_mlflow_is_told_of_in_one_line(
    engine: Callable[..., Engine], tmp_path: Path
) -> None:
    job = engine(project=PROJECT, tracking=REQUIRED, env=without_kedro_mlflow(tmp_path))
    for done in (job.start(), job.finish(SUCCEEDED)):
        assert done.code == 1
        assert done.line.endswith(
            "the MLflow run: kedro-mlflow is not installed here: name it in requirements.txt and "
            "build the image anew"
        )


def test_an_image_without_kedro_mlflow_does_not_matter_where_no_run_is_required(
    engine: Callable[..., Engine], tmp_path: Path
) -> None:
    nodes = "NODES = [node(first, 'params:start', None, name='one')]"
    env = without_kedro_mlflow(tmp_path)
    job = engine(project={**PROJECT, "nodes": nodes}, tracking=OPTIONAL, env=env)
    started = job.start()
    assert "THIS JOB IS NOT TRACKED: cannot open the MLflow run: kedro-mlflow" in started.log
    assert job.task("one", started.parameters[JOB]).code == 0
    assert job.finish(SUCCEEDED).code == 0
