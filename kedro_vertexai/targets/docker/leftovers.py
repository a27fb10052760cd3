"""Containers that a killed command has left behind, told apart from those of one that runs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError

if TYPE_CHECKING:
    from docker import DockerClient

PROJECT = "kedro-vertexai.project"
JOB = "kedro-vertexai.job"
TASK = "kedro-vertexai.task"

_LOCK = ".lock"


@contextmanager
def locked(job: Path) -> Iterator[None]:
    """Hold the lock of a job's directory. The system drops it when this process dies."""
    with (job / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_leftovers(client: DockerClient, project: Path, jobs: Path) -> int:
    """Remove the containers of this project's jobs whose command is dead; return their number.

    Args:
        client: of the engine.
        project: its path is on the label.
        jobs: directory of its jobs.

    Raises:
        RunError: the engine does not let us.
    """
    from docker.errors import DockerException, NotFound
    from requests import RequestException

    removed = 0
    try:
        for container in client.containers.list(
            all=True, filters={"label": f"{PROJECT}={project}"}, ignore_removed=True
        ):
            if _is_running(jobs / container.labels[JOB]):
                continue
            with suppress(NotFound):
                container.remove(force=True, v=True)
                removed += 1
    except (DockerException, RequestException) as error:
        raise RunError(f"containers of an earlier job cannot be removed: {error}") from error
    return removed


def _is_running(job: Path) -> bool:
    """Whether the command of a job still lives: it holds the lock."""
    try:
        with (job / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
