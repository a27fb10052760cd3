"""What a user is told when containers, registries, engines or disks fail them, and what stays."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disk import new_disk
from engine import Engine, EngineOptions, running_engine
from google_service import GoogleService
from network import Network
from project import Project
from registry import PASSWORD, USER, Registry, running_registry
from small import write_small
from user import User, kedro

GREEDY = """
def greedy(x):
    held = bytearray()
    while True:
        held += b"x" * 10_000_000


NODES = [node(greedy, "params:start", "never", name="greedy")]
"""
DEAF = """
import signal
import time


def deaf(x):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("I do not listen", flush=True)
    time.sleep(600)


NODES = [node(deaf, "params:start", "never", name="deaf")]
"""
LACKING = """
def lacking(x):
    import polars

    return polars.__version__


NODES = [node(lacking, "params:start", "version", name="lacking")]
"""
STEPS = """
import time


def step(x):
    time.sleep(2)
    return x + 1


NODES = [
    node(step, "params:start", "a", name="one"),
    node(step, "a", "b", name="two"),
]
"""

Small = Callable[..., Project]


@pytest.fixture
def small(tmp_path: Path, base_image: str, registry: Registry, user: User) -> Small:
    """Make a project of nodes, with an image that is not built yet."""

    def make(nodes: str, host: str = registry.host, **run_config: object) -> Project:
        name = f"{host}/kedro/{tmp_path.name.lower().strip('_')}:1"
        return write_small(tmp_path / "project", user, name, nodes, **run_config)

    return make


def logged(project: Project, line: str, process: subprocess.Popen[str]) -> bool:
    """Wait until a task of the newest local job has printed a line; False if the run ends."""
    while process.poll() is None:
        for log in project.path.glob(".vertexai/jobs/*/logs/*.log"):
            if line in log.read_text("utf-8", errors="replace"):
                return True
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    return False


def last_line(printed: str) -> str:
    return printed.rstrip().splitlines()[-1]


def test_a_task_out_of_memory_is_named_with_its_limit(
    small: Small, vertex: GoogleService, engine: Engine
) -> None:
    project = small(
        GREEDY, root="e2e-kedro/runs", resources={"greedy": {"cpu": 1, "memory": "300Mi"}}
    )
    project.vertexai("build", "--yes")
    here = project.kedro("vertexai", "run-once", "--target", "docker")
    assert here.code == 1
    assert "'greedy' was killed: out of memory at its limit of 300 MiB" in here.printed
    assert "run_config.resources.greedy.memory" in here.printed
    assert engine.containers() == []

    there = project.kedro("vertexai", "run-once", "--wait")
    assert there.code == 1
    assert vertex.jobs[-1].task_states()["greedy"] == "FAILED"
    told = [line for line in there.printed.splitlines() if "ran out-of-memory" in line]
    assert any("greedy" in line for line in told), there.printed
    assert "its limit is 300 MiB" in there.printed


def test_a_module_that_the_image_lacks_is_named(small: Small) -> None:
    project = small(LACKING)
    project.vertexai("build", "--yes")
    done = project.kedro("vertexai", "run-once", "--target", "docker")
    assert done.code == 1
    assert "has no module 'polars': add it to the project's requirements" in done.printed
    assert "Traceback" not in done.printed


def test_a_registry_that_wants_a_login_says_so_and_takes_one(
    small: Small, tmp_path: Path, engine: Engine
) -> None:
    with running_registry(tmp_path / "closed", login=True) as closed:
        project = small(STEPS, closed.host)
        refused = project.kedro("vertexai", "build", "--yes")
        assert refused.code == 1
        assert f"docker login {closed.host}" in last_line(refused.printed)
        assert "Traceback" not in refused.printed

        login = ("docker", "login", f"--username={USER}", f"--password={PASSWORD}", closed.host)
        assert project.user.run(*login, where=project.path).code == 0
        pushed = project.vertexai("build", "--yes")
        assert last_line(pushed.printed).startswith(f"{closed.host}/kedro/")
        assert PASSWORD not in refused.printed + pushed.printed


def test_two_runs_side_by_side_do_not_disturb_each_other(small: Small, engine: Engine) -> None:
    project = small(STEPS)
    project.vertexai("build", "--yes")
    argv = kedro("vertexai", "run-once", "--target", "docker")
    both = [project.user.start(*argv, where=project.path) for _ in range(2)]
    printed = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert len(project.local_jobs()) == 2
    assert engine.containers() == []


def test_a_container_that_ignores_being_asked_is_killed_on_ctrl_c(
    small: Small, engine: Engine
) -> None:
    project = small(DEAF)
    project.vertexai("build", "--yes")
    argv = kedro("vertexai", "run-once", "--target", "docker")
    process = project.user.start(*argv, where=project.path)
    assert logged(project, "I do not listen", process)
    assert len(engine.containers()) == 1
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode not in (0, -signal.SIGINT), printed
    assert project.last_local_job()["state"] == "CANCELLED"
    assert engine.containers() == []
    assert "Traceback" not in printed


@pytest.fixture
def other_engine(workplace: Path, network: Network) -> Iterator[Engine]:
    """One more engine of the user's, to stop."""
    options = EngineOptions(part=2, flags=("--shutdown-timeout=1",))
    with running_engine(workplace / "other", network, options) as engine:
        yield engine


def test_an_engine_that_stops_in_the_middle_ends_the_run(
    small: Small, other_engine: Engine
) -> None:
    project = small(DEAF)
    pinned = last_line(project.vertexai("build", "--yes").printed)
    user = project.user.with_variables(**other_engine.environment)
    run = kedro("vertexai", "run-once", "--target", "docker", "--image", pinned, "--yes")
    process = user.start(*run, where=project.path)
    assert logged(project, "I do not listen", process)
    other_engine.process.terminate()
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1, printed
    assert project.last_local_job()["state"] == "FAILED"
    assert "Docker engine has stopped" in printed
    assert "Traceback" not in printed


@pytest.fixture
def small_disk(workplace: Path) -> Iterator[Path]:
    """A disk on which no image of ours has room."""
    with new_disk(workplace / "small", megabytes=100) as place:
        yield place


def test_a_full_disk_is_told_in_one_line(
    small: Small, workplace: Path, network: Network, small_disk: Path
) -> None:
    project = small(STEPS)
    pinned = last_line(project.vertexai("build", "--yes").printed)
    options = EngineOptions(part=3, data=small_disk / "data")
    with running_engine(workplace / "full", network, options) as full:
        user = project.user.with_variables(**full.environment)
        run = kedro("vertexai", "run-once", "--target", "docker", "--image", pinned, "--yes")
        done = user.run(*run, where=project.path)
        assert done.code == 1
        assert "the Docker engine's disk is full" in last_line(done.printed)
        # Of an image that must be fetched first, which the base image of the others need not.
        (project.path / "Dockerfile").write_text(f"FROM {pinned}\n", encoding="utf-8")
        build = user.kedro("vertexai", "build", "--yes", where=project.path)
        assert build.code == 1
        assert "the Docker engine's disk is full" in last_line(build.printed)
    assert "Traceback" not in done.printed + build.printed
