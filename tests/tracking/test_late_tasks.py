"""A task that is late, or ends the run itself: the run's status is the last task's to set."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import Engine
from mlflow_proxy import MlflowProxy, Request

from kedro_vertexai.task_inputs import JOB, RUN

NODES = """
    import os
    import time
    from pathlib import Path

    import mlflow


    def waits(value):
        deadline = time.monotonic() + 120
        while not Path(os.environ["GO_ON"]).exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        mlflow.log_metric("late", 1)


    def nests_and_waits(value):
        mlflow.start_run(nested=True, run_name="left open")
        waits(value)


    def ends_the_run(value):
        mlflow.end_run("FAILED")


    def strays_and_ends(value):
        mlflow.end_run()
        mlflow.set_tracking_uri(f"sqlite:///{os.environ['GO_ON']}.db")


    def asynchronous(value):
        for step in range(20):
            mlflow.log_metric("steps", step, step=step, synchronous=False)


    FUNCTIONS = (waits, nests_and_waits, ends_the_run, strays_and_ends, asynchronous)
    NODES = [node(f, "params:start", None, name=f.__name__) for f in FUNCTIONS]
"""
PROJECT = {"nodes": NODES, "parameters": {"start": 1}}
ENDINGS = [
    ({"state": "SUCCEEDED"}, "FINISHED"),
    ({"state": "FAILED", "error": {"message": "lost"}}, "FAILED"),
    ({"state": "CANCELLED"}, "KILLED"),
]


@pytest.fixture
def go_on(tmp_path: Path) -> Path:
    """The file that a waiting node waits for."""
    return tmp_path / "go on"


@pytest.fixture
def job(engine: Callable[..., Engine], go_on: Path) -> Engine:
    return engine({"experiment": {"name": "late"}}, PROJECT, env={"GO_ON": str(go_on)})


def wait_until_a_node_runs(proxy: MlflowProxy) -> None:
    deadline = time.monotonic() + 120
    while not any(_tells_of_a_node(seen) for seen in list(proxy.seen)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _tells_of_a_node(request: Request) -> bool:
    return any(tag["key"] == "vertexai_current_node" for tag in request.body.get("tags", []))


@pytest.mark.parametrize(("status", "closed"), ENDINGS)
def test_a_task_that_ends_after_the_run_was_closed_leaves_it_closed(
    job: Engine, proxy: MlflowProxy, client: Any, go_on: Path, status: Any, closed: str
) -> None:
    started = job.start().parameters[JOB]
    late = job.running_task(["waits"], started)
    wait_until_a_node_runs(proxy)
    job.finish(status)
    go_on.touch()
    done = late()
    assert done.code == 0, done.log
    run = client.get_run(started["run_id"])
    assert run.data.metrics == {"late": 1}
    assert run.info.status == closed


def test_a_nested_run_that_it_leaves_open_ends_with_it(
    job: Engine, proxy: MlflowProxy, client: Any, go_on: Path
) -> None:
    started = job.start().parameters[JOB]
    late = job.running_task(["nests_and_waits"], started)
    wait_until_a_node_runs(proxy)
    job.finish({"state": "FAILED"})
    go_on.touch()
    assert late().code == 0
    assert client.get_run(started["run_id"]).info.status == "FAILED"
    (nested,) = client.search_runs(
        [started["experiment_id"]], f"tags.mlflow.parentRunId = '{started['run_id']}'"
    )
    assert nested.info.status == "FINISHED"


@pytest.mark.parametrize(("status", "closed"), ENDINGS)
def test_a_task_that_starts_after_the_run_was_closed_is_refused(
    job: Engine, client: Any, status: Any, closed: str
) -> None:
    started = job.start().parameters[JOB]
    job.finish(status)
    done = job.task("asynchronous", started)
    assert done.code == 1
    assert done.line == (
        f"task: the job has ended, and its MLflow run {started['run_id']} is closed as {closed}: "
        "what this task does comes too late"
    )
    run = client.get_run(started["run_id"])
    assert run.info.status == closed
    assert "steps" not in run.data.metrics


@pytest.mark.parametrize("node", ["ends_the_run", "strays_and_ends"])
def test_a_run_that_a_node_ends_goes_on_when_its_task_has_ended(
    job: Engine, client: Any, node: str
) -> None:
    started = job.start().parameters[JOB]
    done = job.task(node, started)
    assert done.code == 0, done.log
    assert client.get_run(started["run_id"]).info.status == "RUNNING"
    assert job.finish({"state": "SUCCEEDED"}).parameters[RUN]["status"] == "FINISHED"


def test_a_run_that_a_node_has_ended_stays_closed_if_the_job_ends_at_that_moment(
    job: Engine, proxy: MlflowProxy, client: Any
) -> None:
    started = job.start().parameters[JOB]
    closed: list[str] = []

    def closes_before_it_goes_on(request: Request) -> None:
        """As the last task does, just when the late one, whose node has ended it, puts it back."""
        ended = client.get_run(started["run_id"]).info.status == "FAILED"
        if not closed and ended and request.body.get("status") == "RUNNING":
            closed.append("KILLED")
            client.set_tag(started["run_id"], "vertexai_closed", "KILLED")
            client.set_terminated(started["run_id"], "KILLED")

    proxy.rule = closes_before_it_goes_on
    done = job.task("ends_the_run", started)
    assert done.code == 0, done.log
    assert closed
    assert client.get_run(started["run_id"]).info.status == "KILLED"


def test_what_a_node_logs_asynchronously_is_there_when_its_task_has_ended(
    job: Engine, client: Any
) -> None:
    started = job.start().parameters[JOB]
    done = job.task("asynchronous", started)
    assert done.code == 0, done.log
    assert len(client.get_metric_history(started["run_id"], "steps")) == 20


def test_a_run_that_mlflow_yml_names_is_opened_again_by_the_next_job(
    engine: Callable[..., Engine], client: Any, go_on: Path
) -> None:
    run = client.create_run(client.create_experiment("twice"))
    yml = {"experiment": {"name": "twice"}, "run": {"id": run.info.run_id}}
    job = engine(yml, PROJECT, env={"GO_ON": str(go_on)})
    job.start()
    job.finish({"state": "FAILED"})
    started = job.start().parameters[JOB]
    done = job.task("asynchronous", started)
    assert done.code == 0, done.log
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
