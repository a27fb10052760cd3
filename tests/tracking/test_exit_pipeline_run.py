"""The exit pipeline and the MLflow run on a server, called as engines call their exit task."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine import STARTS_A_RUN, Done, Engine, OwnRun
from mlflow_proxy import MlflowProxy

from kedro_vertexai.task_inputs import JOB, RUN

NODES = """
    import json
    import os
    import pathlib

    import mlflow


    def tell(job):
        mlflow.set_tag("told", job["state"])
        pathlib.Path(os.environ["NOTE"]).write_text(json.dumps(job))


    def strays(job):
        mlflow.end_run("FAILED")
        mlflow.set_tracking_uri(f"sqlite:///{os.environ['NOTE']}.db")


    def fails_once(job):
        note = pathlib.Path(os.environ["NOTE"])
        if not note.exists():
            note.write_text("{}")
            raise OSError("not yet")


    def dies(job):
        mlflow.log_metric("before", 1)
        os._exit(9)


    def last(function):
        return Pipeline([node(function, "params:vertexai_job", None, name="last")])


    PIPELINES = {
        "__default__": Pipeline([node(first, "params:start", "x", name="start")]),
        "tell": last(tell),
        "strays": last(strays),
        "fails_once": last(fails_once),
        "dies": last(dies),
        "many": Pipeline([
            node(first, "params:vertexai_job", "x0", name="many_0"),
            *(node(first, f"x{n}", f"x{n + 1}", name=f"many_{n + 1}") for n in range(9)),
        ]),
    }
"""
PROJECT = {"nodes": NODES, "parameters": {"start": 1}}
TASK = {"nodes": ["last"]}
REQUIRED = {"required": True, "retry_for": 1}
MESSAGE = "The DAG failed because some tasks failed. The failed tasks are: [a-b, c]."
FAILED = {"state": "FAILED", "error": {"message": MESSAGE}}


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """Where the pipeline writes what it was told."""
    return tmp_path / "note"


@pytest.fixture
def job(engine: Callable[..., Engine], note: Path) -> Callable[..., Engine]:
    def make(**tracking: Any) -> Engine:
        told = {"required": True, "retry_for": 1, "titles": {"a-b": "a_b"}, **tracking}
        env = {"NOTE": str(note)}
        return engine({"experiment": {"name": "on exit"}}, PROJECT, tracking=told, env=env)

    return make


def ran(done: Done) -> dict[str, Any]:
    assert done.code == 0, done.log
    found: dict[str, Any] = done.parameters[RUN]
    return found


@pytest.mark.parametrize(
    ("status", "state", "error", "failed", "closed"),
    [
        ({"state": "SUCCEEDED", "error": {}}, "SUCCEEDED", "", [], "FINISHED"),
        # Kubeflow's words, and an engine that hands JSON over.
        ({"state": "COMPLETE", "pipelineTaskName": "x"}, "SUCCEEDED", "", [], "FINISHED"),
        (json.dumps(FAILED), "FAILED", MESSAGE, ["a_b", "c"], "FAILED"),
        ({"state": "CANCELLED"}, "CANCELLED", "", [], "KILLED"),
        ("", "FAILED", "the engine does not say how the job ended", [], "FAILED"),
    ],
)
def test_it_is_told_the_same_whatever_the_engines_words(
    job: Callable[..., Engine],
    note: Path,
    status: Any,
    state: str,
    error: str,
    failed: list[str],
    closed: str,
) -> None:
    started = job()
    started.start()
    run = ran(started.finish_after("tell", TASK, status))
    assert run["status"] == closed
    assert run["tags"]["told"] == state
    assert json.loads(note.read_text()) == {
        "state": state,
        "error": error,
        "failed_nodes": failed,
        "job_name": "job",
        "job_id": started.job_id,
    }


def test_a_server_that_is_down_keeps_it_from_nothing_and_fails_the_task_after_it(
    job: Callable[..., Engine], proxy: MlflowProxy, note: Path
) -> None:
    started = job()
    started.start()
    proxy.rule = lambda request: 503
    done = started.finish_after("tell", TASK, FAILED)
    assert json.loads(note.read_text())["state"] == "FAILED"
    assert "THIS TASK IS NOT TRACKED: cannot close the MLflow run" in done.log
    assert done.code == 1
    assert f"cannot close the MLflow run: MLflow at {proxy.url}: too many 503" in done.line


def test_a_server_that_is_down_does_not_matter_where_it_is_not_required(
    job: Callable[..., Engine], proxy: MlflowProxy, note: Path
) -> None:
    started = job(required=False)
    started.start()
    proxy.rule = lambda request: 503
    done = started.finish_after("tell", TASK, FAILED)
    assert done.code == 0, done.log
    assert note.exists()
    assert "THE MLFLOW RUN IS NOT CLOSED" in done.log


def test_a_job_whose_run_was_never_opened_is_told_of_all_the_same(
    job: Callable[..., Engine], note: Path, client: Any
) -> None:
    started = job()
    done = started.finish_after("tell", TASK, FAILED)
    assert done.code == 0, done.log
    assert done.parameters[RUN] is None
    assert json.loads(note.read_text())["state"] == "FAILED"
    assert "THIS TASK IS NOT TRACKED: the job has no MLflow run" in done.log


def test_what_it_does_to_mlflow_does_not_keep_the_run_from_being_closed(
    job: Callable[..., Engine], client: Any
) -> None:
    started = job()
    started.start()
    run = ran(started.finish_after("strays", TASK, {"state": "SUCCEEDED"}))
    assert client.get_run(run["id"]).info.status == "FINISHED"


def test_a_second_attempt_takes_back_what_the_first_failed_of(
    job: Callable[..., Engine], client: Any
) -> None:
    started = job()
    started.start()
    first = started.finish_after("fails_once", TASK, {"state": "SUCCEEDED"})
    assert (first.code, first.line) == (1, "node 'last' failed: OSError: not yet")
    run = first.parameters[RUN]
    assert run["status"] == "FINISHED"
    assert run["tags"]["vertexai_on_exit_error"] == "node 'last': OSError: not yet"
    again = ran(started.finish_after("fails_once", TASK, {"state": "SUCCEEDED"}))
    assert (again["id"], again["status"]) == (run["id"], "FINISHED")
    assert "vertexai_on_exit_error" not in client.get_run(run["id"]).data.tags


def test_a_pipeline_of_many_nodes_asks_no_more_of_the_server_than_one_of_few(
    job: Callable[..., Engine], proxy: MlflowProxy
) -> None:
    started = job()
    started.start()
    nodes = [f"many_{number}" for number in range(10)]
    asked = {}
    for number in (1, 10):
        proxy.seen.clear()
        ran(started.finish_after("many", {"nodes": nodes[:number]}, {"state": "SUCCEEDED"}))
        asked[number] = proxy.paths()
    # Nothing but which node runs, if they take that long.
    more = Counter(asked[10]) - Counter(asked[1])
    assert set(more) <= {"runs/log-batch"}


def test_a_pipeline_that_mlflow_yml_takes_out_logs_nothing(
    job: Callable[..., Engine], note: Path
) -> None:
    started = job(exit_untracked=True)
    started.start()
    run = ran(started.finish_after("tell", TASK, {"state": "SUCCEEDED"}))
    assert note.exists()
    assert run["status"] == "FINISHED"
    assert "told" not in run["tags"]


@pytest.mark.parametrize(
    ("status", "closed"), [({"state": "SUCCEEDED"}, "FINISHED"), (FAILED, "FAILED")]
)
def test_a_pipeline_that_is_killed_leaves_a_run_that_has_ended(
    job: Callable[..., Engine], client: Any, status: Any, closed: str
) -> None:
    engine = job()
    started = engine.start().parameters[JOB]
    assert engine.finish_after("dies", TASK, status).code == 9
    run = client.get_run(started["run_id"])
    assert run.info.status == closed
    assert run.data.metrics == {"before": 1}


def test_it_logs_into_a_run_that_the_project_has_started_on_another_server(
    engine: Callable[..., Engine], client: Any, note: Path, own_run: OwnRun
) -> None:
    job = engine(
        {"experiment": {"name": "on exit"}},
        {**PROJECT, "settings": STARTS_A_RUN},
        tracking=REQUIRED,
    )
    started = job.start().parameters[JOB]
    env = {"NOTE": str(note)} | own_run.env
    done = replace(job, env=env).finish_after("tell", TASK, {"state": "SUCCEEDED"})
    assert ran(done)["id"] == started["run_id"]
    assert "is already active" in done.log
    logged = own_run.now()
    assert (logged.data.tags["told"], logged.info.status) == ("SUCCEEDED", "FINISHED")
    run = client.get_run(started["run_id"])
    assert run.info.status == "FINISHED"
    assert "told" not in run.data.tags
