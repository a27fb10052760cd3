"""Ctrl-C stops every task, closes the MLflow run, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from local_run import LocalRun, ends
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import os
    import time


    def note_self(folder):
        with open(os.path.join(folder, str(os.getpid())), "w"):
            pass


    def waits(folder):
        note_self(folder)
        time.sleep(120)


    def waits_with_a_child(folder):
        if os.fork():
            waits(folder)
        waits(folder)
        os._exit(0)


    NODES = [
        node(waits, "params:folder", "waited", name="waits"),
        node(waits_with_a_child, "params:folder", None, name="waits_with_a_child"),
        node(first, "waited", None, name="needs_it"),
    ]
"""
WAITING = 3  # processes: two nodes and a child


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    path = tmp_path_factory.mktemp("interrupted")
    project = write_project(
        path / "project",
        nodes=NODES,
        parameters={"folder": str(pids_of(path))},
        catalog="{}",
        mlflow=MLFLOW,
    )
    pids_of(path).mkdir()
    started = start(project)
    try:
        wait_for_processes(pids_of(path), started)
        started.send_signal(signal.SIGINT)
        printed, _ = started.communicate(timeout=60)
    finally:
        started.kill()
    (job,) = (project.path / ".vertexai" / "jobs").iterdir()
    return LocalRun(project, started.returncode, printed, job)


def start(project: KedroProject) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "run-once", "--target", "local"],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1", "COLUMNS": "400"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def pids_of(path: Path) -> Path:
    return path / "pids"


def pids(interrupted: LocalRun) -> list[int]:
    return [int(file.name) for file in pids_of(interrupted.project.path.parent).iterdir()]


def wait_for_processes(folder: Path, started: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while len(list(folder.iterdir())) < WAITING:
        assert started.poll() is None, started.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_run_ends_as_cancelled(interrupted: LocalRun) -> None:
    assert interrupted.exit_code not in (0, None)
    assert interrupted.state == "CANCELLED"
    assert interrupted.states() == {
        "mlflow-start-run": "SUCCEEDED",
        "waits": "CANCELLED",
        "waits_with_a_child": "CANCELLED",
        "needs_it": "SKIPPED",
        "mlflow-finish-run": "SUCCEEDED",
    }


def test_no_process_is_left(interrupted: LocalRun) -> None:
    assert len(pids(interrupted)) == WAITING
    assert all(ends(pid) for pid in pids(interrupted))


def test_the_mlflow_run_is_killed_and_blames_no_node(interrupted: LocalRun) -> None:
    run = interrupted.mlflow_run()
    assert run.info.status == "KILLED"
    assert run.data.tags["vertexai_error"] == "The job was cancelled."
    assert "vertexai_failed_node" not in run.data.tags
