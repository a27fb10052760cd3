"""What the tasks of a job on this machine have printed, from the files that each of them leaves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.outputs import local_job_record

# Seconds between two looks at files.
_PAUSE = 0.5


@dataclass(frozen=True)
class LocalTask:
    """A task that has a log: of its latest attempt."""

    name: str
    title: str
    log: Path


@dataclass(frozen=True)
class LocalJob:
    """A job on this machine, as far as its logs are concerned."""

    name: str
    is_running: bool
    tasks: tuple[LocalTask, ...]
    silent: tuple[str, ...]
    """Names of tasks that have no log yet, or run no process."""


def local_job(project_path: Path, name: str) -> LocalJob | None:
    """Return a job, or None if there is none of that name on this machine.

    Args:
        project_path: the project.
        name: the job's name, the beginning of just one, or `latest`.

    Raises:
        RunError: several jobs begin like this, or its record cannot be read.
    """
    record = local_job_record(project_path, name)
    if record is None:
        return None
    tasks = [task for task in record["tasks"] if task.get("log_path")]
    return LocalJob(
        name=record["job_name"],
        is_running=record["state"] == "RUNNING" and _lives(record["pid"]),
        tasks=tuple(
            LocalTask(task["name"], task["display_name"], Path(task["log_path"])) for task in tasks
        ),
        silent=tuple(task["name"] for task in record["tasks"] if not task.get("log_path")),
    )


def read_local_lines(tasks: Collection[LocalTask]) -> Iterator[tuple[LocalTask, str]]:
    """What these tasks have printed so far.

    Raises:
        RunError: a log cannot be read.
    """
    for task in tasks:
        for line in _Tail(task.log).rest():
            yield task, line


def follow_local_lines(
    look: Callable[[], tuple[bool, Collection[LocalTask]]],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[LocalTask, str]]:
    """What tasks print, until their job has ended.

    Args:
        look: tells whether the job runs, and the tasks to follow, as they are now.
        pause: waits so many seconds.

    Raises:
        RunError: a log cannot be read.
    """
    tails: dict[Path, _Tail] = {}
    while True:
        # Asked first, so that what was printed before the end is read after it.
        is_running, tasks = look()
        for task in tasks:
            tail = tails.setdefault(task.log, _Tail(task.log))
            for line in tail.new() if is_running else tail.rest():
                yield task, line
        if not is_running:
            return
        pause(_PAUSE)


class _Tail:
    """The lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[str]:
        """Those that were completed since it was last asked."""
        data = self._read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode(errors="replace").splitlines()

    def rest(self) -> list[str]:
        """All that is left, also a last line without an end."""
        data = self._read()
        self._offset += len(data)
        return data.decode(errors="replace").splitlines()

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                return file.read()
        except OSError as error:
            raise RunError(f"{self._path} cannot be read: {error.strerror}") from error


def _lives(pid: Any) -> bool:
    """Whether the process that runs the job is there: its machine may have gone down."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
