"""`on_exit_pipeline` runs last, however the tasks ended, and is told how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, run_once
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import json
    import os
    import pathlib
    import time


    def raises(value):
        raise ValueError("no such price")


    def waits(value):
        pathlib.Path(os.environ["MARK"]).write_text("")
        time.sleep(120)


    def tell(job, state, channel):
        import mlflow

        variables = {k: v for k, v in os.environ.items() if k.startswith("KEDRO_VERTEXAI_JOB_")}
        run = mlflow.active_run()
        if run:
            mlflow.log_metric("told", 1)
        return {
            "job": job,
            "state": state,
            "channel": channel,
            "variables": variables,
            "run": run and run.info.run_id,
        }


    def misses(job):
        import mlflow

        mlflow.set_tracking_uri("sqlite:////nowhere/else.db")
        raise ConnectionError(f"no channel for {job['state']}")


    def started(function):
        return Pipeline([node(function, "params:start", "done", name="my_node")])


    TOLD = ["params:vertexai_job", "params:vertexai_job.state", "params:channel"]
    PIPELINES = {
        "__default__": started(first),
        "raises": started(raises),
        "waits": started(waits),
        "notify": Pipeline(
            [
                node(tell, TOLD, "told", name="tell"),
                node(first, "told", "note", name="write"),
            ]
        ),
        "misses": Pipeline([node(misses, "params:vertexai_job", "missed", name="miss")]),
    }
"""
CATALOG = {"note": {"type": "json.JSONDataset", "filepath": "data/note.json"}}
ON_EXIT = {"on_exit_pipeline": "notify"}
FAILED = "The DAG failed because some tasks failed. The failed tasks are: [my-node]."


def new_project(path: Path, **said: Any) -> KedroProject:
    described: dict[str, Any] = {"nodes": NODES, "catalog": CATALOG, "run_config": ON_EXIT, **said}
    described.setdefault("parameters", {"start": 1, "channel": "prices"})
    return write_project(path, **described)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    misses = {"image": "demo", "on_exit_pipeline": "misses"}
    other = {"project_id": "my-project", "region": "europe-west1", "run_config": misses}
    return new_project(
        tmp_path_factory.mktemp("tracked"),
        mlflow=MLFLOW,
        files={"conf/misses/vertexai.yml": json.dumps(other)},
    )


@pytest.fixture(scope="module")
def succeeded(tracked: KedroProject) -> LocalRun:
    return run_once(tracked, "--params", "channel=sales")


@pytest.fixture(scope="module")
def failed(tracked: KedroProject) -> LocalRun:
    return run_once(tracked, "-p", "raises")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    """One without MLflow; it declares the parameter, so that `kedro run` takes the pipeline."""
    given = {"start": 1, "channel": "prices", "vertexai_job": {"state": "none", "more": 1}}
    return new_project(tmp_path_factory.mktemp("untracked"), parameters=given)


def note(run: LocalRun) -> dict[str, Any]:
    """What the exit pipeline was told."""
    found: dict[str, Any] = json.loads(run.output("note.json").read_text(encoding="utf-8"))
    return found


def expected_job(run: LocalRun, **said: Any) -> dict[str, Any]:
    job = {"job_name": run.record["job_name"], "job_id": run.record["job_id"]}
    return {"error": "", "failed_nodes": [], **job, **said}


class TestAfterSuccess:
    def test_it_is_told_so(self, succeeded: LocalRun) -> None:
        assert succeeded.exit_code == 0, succeeded.printed
        assert note(succeeded)["job"] == expected_job(succeeded, state="SUCCEEDED")
        assert note(succeeded)["state"] == "SUCCEEDED"

    def test_this_runs_parameter_values_reach_it(self, succeeded: LocalRun) -> None:
        assert note(succeeded)["channel"] == "sales"

    def test_it_logs_into_the_run_of_the_job_which_is_then_closed(
        self, succeeded: LocalRun
    ) -> None:
        found = succeeded.mlflow_run()
        assert note(succeeded)["run"] == found.info.run_id
        assert found.info.status == "FINISHED"
        assert found.data.metrics == {"told": 1}

    def test_how_the_job_ended_is_no_parameter_of_the_run(self, succeeded: LocalRun) -> None:
        assert succeeded.mlflow_run().data.params == {"start": "1", "channel": "sales"}

    def test_its_file_is_an_output_of_the_job(self, succeeded: LocalRun) -> None:
        assert succeeded.outputs_by_path().keys() == {"data/note.json"}


class TestAfterAFailure:
    def test_it_is_told_which_node_failed_and_why(self, failed: LocalRun) -> None:
        assert failed.exit_code != 0
        assert note(failed)["job"] == expected_job(
            failed, state="FAILED", error=FAILED, failed_nodes=["my_node"]
        )

    def test_the_same_is_in_its_environment(self, failed: LocalRun) -> None:
        assert note(failed)["variables"] == {
            "KEDRO_VERTEXAI_JOB_STATE": "FAILED",
            "KEDRO_VERTEXAI_JOB_ERROR": FAILED,
            "KEDRO_VERTEXAI_JOB_FAILED_NODES": '["my_node"]',
            "KEDRO_VERTEXAI_JOB_NAME": failed.record["job_name"],
            "KEDRO_VERTEXAI_JOB_ID": failed.record["job_id"],
        }

    def test_the_mlflow_run_says_that_the_node_failed(self, failed: LocalRun) -> None:
        found = failed.mlflow_run()
        assert found.info.status == "FAILED"
        assert found.data.tags["vertexai_failed_node"] == "my_node"
        assert found.data.tags["vertexai_error"] == "ValueError: no such price"
        assert "vertexai_current_node" not in found.data.tags


@pytest.mark.parametrize(
    ("pipeline", "status", "failed_node"),
    [("__default__", "FINISHED", None), ("raises", "FAILED", "my_node")],
)
def test_if_it_fails_itself_the_job_fails_and_the_run_says_how_the_tasks_ended(
    tracked: KedroProject, pipeline: str, status: str, failed_node: str | None
) -> None:
    run = run_once(tracked, "-p", pipeline, kedro_env="misses")
    assert run.exit_code != 0
    assert run.state == "FAILED"
    last = run.tasks["mlflow-finish-run"]
    state = "FAILED" if failed_node else "SUCCEEDED"
    error = f"ConnectionError: no channel for {state}"
    assert last["error"] == f"node 'miss' failed: {error}"
    found = run.mlflow_run()
    assert found.info.status == status
    assert found.data.tags.get("vertexai_failed_node") == failed_node
    assert found.data.tags["vertexai_on_exit_error"] == f"node 'miss': {error}"


class TestWithoutMlflow:
    def test_it_runs_in_a_task_of_its_own(self, project: KedroProject) -> None:
        run = run_once(project, "-p", "raises")
        assert run.states() == {"my_node": "FAILED", "on-exit": "SUCCEEDED"}
        assert note(run)["job"] == expected_job(
            run, state="FAILED", error=FAILED, failed_nodes=["my_node"]
        )
        assert note(run)["run"] is None

    def test_what_parameters_yml_says_of_the_job_is_replaced_whole(
        self, project: KedroProject
    ) -> None:
        run = run_once(project)
        assert run.exit_code == 0, run.printed
        assert note(run)["job"] == expected_job(run, state="SUCCEEDED")

    def test_interrupted_it_is_told_that_the_job_was_cancelled(
        self, project: KedroProject, tmp_path: Path
    ) -> None:
        run = interrupted(project, "waits", tmp_path / "mark")
        assert run.state == "CANCELLED"
        assert run.states() == {"my_node": "CANCELLED", "on-exit": "SUCCEEDED"}
        assert note(run)["job"] == expected_job(
            run, state="CANCELLED", error="The job was cancelled."
        )

    def test_asked_for_by_itself_it_is_an_ordinary_pipeline(self, project: KedroProject) -> None:
        run = run_once(project, "-p", "notify")
        assert run.states() == {"tell": "SUCCEEDED", "write": "SUCCEEDED"}
        assert note(run)["job"] == {"state": "none", "more": 1}
        assert "'notify' is run_config.on_exit_pipeline: it runs once, as asked" in run.printed


def interrupted(project: KedroProject, pipeline: str, mark: Path) -> LocalRun:
    """A run that is interrupted as soon as a node of it has left `mark`."""
    before = set((project.path / ".vertexai" / "jobs").glob("*"))
    words = [sys.executable, "-m", "kedro", "vertexai", "run-once", "--target", "local"]
    started = subprocess.Popen(
        [*words, "-p", pipeline],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1", "COLUMNS": "400", "MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 90
        while not mark.exists():
            assert started.poll() is None, started.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        started.send_signal(signal.SIGINT)
        printed, _ = started.communicate(timeout=60)
    finally:
        started.kill()
    (job,) = set((project.path / ".vertexai" / "jobs").iterdir()) - before
    return LocalRun(project, started.returncode, printed, job)
