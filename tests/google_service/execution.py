"""Carries jobs out: each spec really runs, in a child process with the local engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from google_service.containers import Containers
from google_service.images import Images
from google_service.job import Job
from google_service.job_request import parameter_values

_TESTS = Path(__file__).parent.parent
_FAIL_FAST = 2  # PipelineFailurePolicy.PIPELINE_FAILURE_POLICY_FAIL_FAST


@dataclass
class Settings:
    """How jobs are carried out; a test may change it at any time, for jobs that start later."""

    execute: bool = True
    """False: a job stays PENDING until the test gives it another state."""
    exit_handler_on_cancel: bool = True
    """Whether a cancelled job's exit handler is started: nobody promises either."""
    environment: dict[str, str] = field(default_factory=dict)
    """Of every container."""
    warm_modules: tuple[str, ...] = ()
    """Imported once for all tasks of a job: saves each of them the time."""
    max_workers: int | None = None
    containers: Containers = field(default_factory=Containers)
    """Where tasks run as real containers, of images that a real registry has."""


class Execution:
    """The child processes of the service."""

    def __init__(self, directory: Path, settings: Settings, images: Images) -> None:
        self._directory = directory
        self._settings = settings
        self._images = images
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, job: Job) -> None:
        """Start a new job; its state follows."""
        if not self._settings.execute:
            return
        directory = self._directory / job.name.replace("/", "_") / job.uuid
        directory.mkdir(parents=True)
        request = directory / "request.json"
        request.write_text(json.dumps(self._request(job)), encoding="utf-8")
        # The log of the child itself, for whoever looks for a mistake in the service.
        with (directory / "engine.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "google_service.execute", str(request)],
                cwd=directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        thread = threading.Thread(target=self._follow, args=(job, process, log.name), daemon=True)
        with self._lock:
            self._running[job.id] = process
            self._threads.append(thread)
        thread.start()

    def stop(self, job: Job) -> None:
        """Cancel a job that has not ended."""
        with self._lock:
            process = self._running.get(job.id)
        if process is None:
            if not self._settings.execute:
                return
            job.set_state("CANCELLED")
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Stop everything at once and leave no process."""
        with self._lock:
            running = list(self._running.values())
        for process in running:
            # Twice: the second one kills the tasks, as the engine does on a second Ctrl-C.
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGHUP)
        for process in running:
            _end(process)
        for thread in self._threads:
            thread.join(timeout=10)

    def _request(self, job: Job) -> dict[str, Any]:
        message = job.message()
        policy = message.runtime_config.failure_policy
        return {
            "job_id": job.id,
            "job_uuid": job.uuid,
            "job_name": job.name,
            "project_number": job.place.project_number,
            "root": message.runtime_config.gcs_output_directory,
            "spec": json_format.MessageToDict(message.pipeline_spec),
            "parameter_values": parameter_values(message),
            "failure_policy": "fast" if policy == _FAIL_FAST else "slow",
            "images": self._images.as_json(),
            "exit_handler_on_cancel": self._settings.exit_handler_on_cancel,
            "environment": self._settings.environment,
            "warm_modules": self._settings.warm_modules,
            "max_workers": self._settings.max_workers,
            "containers": asdict(self._settings.containers),
        }

    def _follow(self, job: Job, process: subprocess.Popen[bytes], log: str) -> None:
        assert process.stdout is not None
        job.start()
        with process.stdout:
            for line in process.stdout:
                _apply(job, json.loads(line))
        process.wait()
        with self._lock:
            self._running.pop(job.id, None)
        if not job.is_final:
            if job.state == "CANCELLING":
                job.set_state("CANCELLED")
            else:
                job.set_state("FAILED", f"Internal error encountered: {_last_line(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end, but not for ever."""
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _apply(job: Job, event: Mapping[str, Any]) -> None:
    if "task" not in event:
        job.set_state(event["state"], _job_error(job, event))
        return
    task = dict(event["task"])
    name, exit_code = task.pop("name"), task.pop("exit_code")
    how = "ran out-of-memory and exited" if task.pop("out_of_memory") else "exited"
    for key in ("start", "end"):
        task[key] = datetime.fromisoformat(task[key]) if task[key] else None
    task["log"] = Path(task["log"]) if task["log"] else None
    if exit_code:
        task["error"] = _container_error(job, name, how, exit_code)
    job.set_task(name, **task)


def _container_error(job: Job, name: str, how: str, exit_code: int) -> str:
    """What Vertex AI says of a container that ended badly: it does not read the log."""
    url = (
        "https://console.cloud.google.com/logs/viewer"
        f"?project={job.place.project_number}&resource=ml_job%2Fjob_id%2F{job.custom_job_id(name)}"
    )
    return (
        f"The replica workerpool0-0 {how} with a non-zero status of {exit_code}. To find out more "
        f"about why your job exited please check the logs: {url}"
    )


def _job_error(job: Job, event: Mapping[str, Any]) -> str:
    if event["state"] != "FAILED":
        return ""
    states = job.task_states()
    failed = ", ".join(name for name, state in states.items() if state == "FAILED")
    if not failed:
        return f"Internal error encountered: {event['error']}"
    return (
        f"The DAG failed because some tasks failed. The failed tasks are: [{failed}].; Job "
        f"(project_id = {job.place.project_id}, job_id = {job.uuid}) is failed due to the above "
        f"error.; Failed to handle the job: {{project_number = {job.place.project_number}, "
        f"job_id = {job.uuid}}}"
    )


def _environment() -> dict[str, str]:
    """Of the child: this process's own, with import paths to the service and to what it tests."""
    paths = [str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _last_line(log: str) -> str:
    lines = Path(log).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no output")
