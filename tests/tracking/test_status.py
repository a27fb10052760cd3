"""However a job ends, the server holds one run of it, with the status that the job ended in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, run_once
from mlflow_proxy import MlflowProxy, Request
from project_factory import KedroProject, write_project

NODES = """
    import os
    import signal
    import sys
    import time

    import mlflow

    if os.environ.get("BROKEN") and os.environ.get("KEDRO_VERTEXAI_TARGET"):
        raise ImportError("the image lacks a library")


    def logs(value):
        mlflow.log_metric("seen", value)
        return value


    def raises(value):
        raise ValueError("no such\\n  price")


    def exits(code):
        return lambda value: sys.exit(code)


    def signals(number):
        return lambda value: os.kill(os.getpid(), number)


    def ends_its_run(value):
        mlflow.end_run()
        return value


    def sees_status(value):
        client, run_id = mlflow.MlflowClient(), mlflow.active_run().info.run_id
        mlflow.log_param("seen_after", client.get_run(run_id).info.status)
        return value


    def nests(value):
        mlflow.start_run(nested=True, run_name="left open")
        return value


    def fails_once(value):
        import pathlib

        mark = pathlib.Path(os.environ["MARK"])
        if not mark.exists():
            mark.write_text("")
            raise OSError("not yet")
        return value


    def is_slow(value):
        time.sleep(4)
        mlflow.log_metric("late", 1)
        return value


    def waits(value):
        print("waiting", flush=True)
        time.sleep(120)


    def of(function, name):
        return node(function, "params:start", name, name=name)


    def one(function):
        return Pipeline([of(logs, "logs"), of(function, "my_node")])


    PIPELINES = {
        "__default__": one(logs),
        "alone": Pipeline([of(logs, "my_node")]),
        "raises": one(raises),
        "exits_0": one(exits(0)),
        "exits_3": one(exits(3)),
        "sigkill": one(signals(signal.SIGKILL)),
        "sigterm": one(signals(signal.SIGTERM)),
        "ends_its_run": Pipeline([
            of(ends_its_run, "my_node"),
            node(sees_status, "my_node", "seen", name="next"),
        ]),
        "nests": one(nests),
        "fails_once": one(fails_once),
        "sibling": Pipeline([of(raises, "my_node"), of(is_slow, "slow")]),
        "waits": one(waits),
    }
"""
EXPERIMENT = "status"
KILLED = "The failed tasks are: [my-node]"


@dataclass(frozen=True)
class Case:
    """How a job ends; `failed_node` and `error` are what its run says of it."""

    pipeline: str
    status: str
    failed_node: str | None = None
    error: str | None = None
    is_broken: bool = False


CASES = {
    "success": Case("__default__", "FINISHED"),
    "node error": Case("raises", "FAILED", "my_node", "ValueError: no such price"),
    "sys.exit(0)": Case("exits_0", "FAILED", "my_node", "SystemExit: 0"),
    "sys.exit(3)": Case("exits_3", "FAILED", "my_node", "SystemExit: 3"),
    "SIGKILL": Case("sigkill", "FAILED", "my_node", KILLED),
    "SIGTERM": Case("sigterm", "FAILED", "my_node", KILLED),
    "the project cannot be loaded": Case(
        "alone", "FAILED", "my_node", "the image lacks a library", is_broken=True
    ),
    "start fails": Case("__default__", "FAILED", "mlflow-start-run", "mlflow-start-run"),
    "a sibling ends after a failure": Case(
        "sibling", "FAILED", "my_node", "ValueError: no such price"
    ),
    "retry, then success": Case("fails_once", "FINISHED"),
    "a node ends the run": Case("ends_its_run", "FINISHED"),
    "a node leaves a nested run open": Case("nests", "FINISHED"),
    "cancel": Case("waits", "KILLED", None, "The job was cancelled."),
}


@pytest.fixture(scope="module")
def module_proxy(server: str) -> Iterator[MlflowProxy]:
    with MlflowProxy(server) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, module_proxy: MlflowProxy) -> KedroProject:
    return write_project(
        tmp_path_factory.mktemp("status"),
        nodes=NODES,
        parameters={"start": 1},
        catalog="{}",
        run_config={"retries": {"my_node": {"count": 1, "backoff": 0.1}}},
        mlflow={
            "server": {"mlflow_tracking_uri": module_proxy.url},
            "tracking": {"experiment": {"name": EXPERIMENT}},
        },
    )


@pytest.mark.parametrize("how", CASES)
def test_the_run_ends_as_its_job(
    how: str, project: KedroProject, module_proxy: MlflowProxy, client: Any, tmp_path: Path
) -> None:
    case = CASES[how]
    module_proxy.seen.clear()
    module_proxy.rule = _refuse_second_search() if how == "start fails" else _pass
    job = _cancelled(project, case) if how == "cancel" else _ran(project, case, tmp_path)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    (run,) = client.search_runs(
        [experiment.experiment_id], f"tags.vertexai_run_id = '{job.record['job_id']}'"
    )
    assert run.info.status == case.status, job.printed
    tags = run.data.tags
    assert tags.get("vertexai_failed_node") == case.failed_node
    assert (case.error or "") in tags.get("vertexai_error", "")
    assert ("vertexai_error" in tags) == (case.error is not None)
    if case.failed_node:
        assert Path(tags["vertexai_log"]).exists()
    assert "vertexai_current_node" not in tags
    assert run.info.run_name == case.pipeline
    if how == "a node ends the run":
        assert run.data.params["seen_after"] == "RUNNING"
        assert _statuses(module_proxy, run.info.run_id) == ["RUNNING", "FINISHED"] * 2
    if how == "a node leaves a nested run open":
        nested = client.search_runs(
            [experiment.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
        )
        assert [child.info.status for child in nested] == ["FINISHED"]


def _statuses(proxy: MlflowProxy, run_id: str) -> list[str]:
    """What the run was set to, but for what it was already."""
    updates = [seen.body for seen in proxy.seen if seen.path == "runs/update"]
    told = [body["status"] for body in updates if body.get("run_id") == run_id]
    return [status for status, _ in groupby(told)]


def _pass(request: Request) -> None:
    return None


def _refuse_second_search() -> Any:
    """Which is the one that the first task makes after it has made the run."""
    searches = []

    def rule(request: Request) -> int | None:
        if request.path == "runs/search":
            searches.append(request)
            return 403 if len(searches) == 2 else None
        return None

    return rule


def _ran(project: KedroProject, case: Case, tmp_path: Path) -> LocalRun:
    env = {"MARK": str(tmp_path / "mark"), "BROKEN": "1" if case.is_broken else ""}
    return run_once(project, "-p", case.pipeline, env=env)


def _cancelled(project: KedroProject, case: Case) -> LocalRun:
    """Ctrl-C when the node is known to run."""
    jobs = project.path / ".vertexai" / "jobs"
    before = set(jobs.glob("*"))
    started = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "kedro",
            "vertexai",
            "run-once",
            "--target",
            "local",
            "-p",
            case.pipeline,
        ],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1", "COLUMNS": "400"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        # By then the server has answered all that is said before a node runs.
        while not any("waiting" in log.read_text() for log in _logs(jobs, before)):
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        started.send_signal(signal.SIGINT)
        printed, _ = started.communicate(timeout=90)
    finally:
        started.kill()
    (job,) = set(jobs.glob("*")) - before
    return LocalRun(project, started.returncode, printed, job)


def _logs(jobs: Path, before: set[Path]) -> Iterator[Path]:
    """Logs of the node's task in jobs that were not there before."""
    for job in set(jobs.glob("*")) - before:
        yield from job.glob("logs/my-node*.log")
