"""Keeps `job.json`, from which other processes read how a job is doing."""

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kedro_vertexai.targets.results import JobResult, TaskResult

_SHORTEST_PAUSE = 0.05
# With a pause this many times the time of a write, writing takes a twentieth of a processor
# however many tasks there are.
_PAUSE_PER_WRITE = 20


class JobFile:
    """A file that is always whole, and up to date a moment after each change.

    A thread of its own writes it, so that many changes at once cost one write.
    """

    def __init__(self, path: Path, job: JobResult) -> None:
        self._path = path
        self._job = job
        self._tasks = {task.name: task for task in job.tasks}
        self._has_changed = threading.Event()
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._write()
        self._thread = threading.Thread(target=self._write_changes, name="job-file", daemon=True)
        self._thread.start()

    def task_changed(self, task: TaskResult) -> None:
        """Note a task's new state."""
        with self._lock:
            self._tasks[task.name] = task
        self._has_changed.set()

    def close(self, job: JobResult) -> None:
        """Write how the job ended.

        Raises:
            OSError: if the file cannot be written.
        """
        self._is_closed.set()
        self._has_changed.set()
        self._thread.join()
        with self._lock:
            self._job = job
            self._tasks.update((task.name, task) for task in job.tasks)
        self._write()

    def _write_changes(self) -> None:
        while True:
            self._has_changed.wait()
            if self._is_closed.is_set():
                return
            self._has_changed.clear()
            started = time.monotonic()
            # A full disk now may be free again at the end; the job itself goes on.
            with suppress(OSError):
                self._write()
            elapsed = time.monotonic() - started
            self._is_closed.wait(max(_SHORTEST_PAUSE, elapsed * _PAUSE_PER_WRITE))

    def _write(self) -> None:
        with self._lock:
            job = replace(self._job, tasks=tuple(self._tasks.values()))
        write_atomically(self._path, json.dumps(job_as_json(job), indent=1))


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that a reader sees the old or the new text, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def job_as_json(job: JobResult) -> dict[str, Any]:
    """Return the content of `job.json`; times are ISO 8601 in UTC."""
    return {
        "job_name": job.job_name,
        "job_id": job.job_id,
        "state": job.state,
        # Whether this process lives tells a running job from one whose machine went down.
        "pid": os.getpid(),
        "start": _time(job.start),
        "end": _time(job.end),
        "error": job.error,
        "tasks": [_task_as_json(task) for task in job.tasks],
    }


def _task_as_json(task: TaskResult) -> dict[str, Any]:
    return {
        "name": task.name,
        "display_name": task.display_name,
        "state": task.state,
        "attempts": task.attempts,
        "start": _time(task.start),
        "end": _time(task.end),
        "log_path": None if task.log_path is None else str(task.log_path),
        "error": task.error,
        "outputs": {
            key: {
                "uri": output.uri,
                "metadata": dict(output.metadata),
                "schema_title": output.schema_title,
            }
            for key, output in task.outputs.items()
        },
        "output_parameters": dict(task.output_parameters),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
