"""Runs one job in a process of its own: `python -m google_service.execute REQUEST.json`.

The spec is run by the plugin's local engine. What Vertex AI does around a container is done
here: a bucket's objects are there as files, what a task leaves is in the bucket afterwards.
Each change is a line of JSON on standard output.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from google_service.bucket_files import BucketFiles, MountedBucket
from google_service.containers import OUT_OF_MEMORY, ContainerAttempts
from google_service.prepared_spec import image_of_job, prepared, prepared_for_containers
from kedro_vertexai.errors import VertexAIError
from kedro_vertexai.targets.local import (
    JobResult,
    LocalOptions,
    OutputArtifact,
    TaskResult,
    run_job,
)
from kedro_vertexai.targets.local.graph import ArtifactOf, Graph
from kedro_vertexai.targets.local.interrupts import interrupts_call
from kedro_vertexai.targets.local.job import explain
from kedro_vertexai.targets.local.parameters import resolve_parameters
from kedro_vertexai.targets.local.pipeline_spec import read_graph
from kedro_vertexai.targets.local.placeholders import JobIdentity
from kedro_vertexai.targets.local.scheduler import Scheduler
from kedro_vertexai.targets.local.working_copy import add_to_image, make_image

_EXIT_CODE = re.compile(r"\(?exit code (\d+)\)?$")
_SIGNAL = re.compile(r"killed by signal (\d+)")
_STATES = {"RETRYING": "PENDING", "SKIPPED": "NOT_TRIGGERED"}
_CANCELLED = "the job was cancelled"


class _CancelledError(Exception):
    """The job was cancelled, and its exit handler is not to be started."""


class _Events:
    """Tells the service of every change; a `Reporter` of the local engine."""

    def __init__(self, request: Mapping[str, Any], graph: Graph, bucket: BucketFiles) -> None:
        self._exit_handler_on_cancel = request["exit_handler_on_cancel"]
        self._graph = graph
        self._bucket = bucket
        self._outputs: dict[str, Mapping[str, dict[str, Any]]] = {}
        self._is_cancelled = False
        self._platform_errors: Mapping[str, str] = request["platform_errors"]

    def job_started(self, job: JobResult) -> None:
        """The service knows."""

    def warning(self, message: str) -> None:
        """Vertex AI has none; it is in the log of this process."""
        print(message, file=sys.stderr)

    def job_finished(self, job: JobResult) -> None:
        """`finished` tells: here it is not known yet why an exception ended the job."""

    def finished(self, state: str, error: str | None) -> None:
        _tell({"state": state, "error": error})

    def task_changed(self, task: TaskResult) -> None:
        planned = self._graph.tasks[task.name]
        self._is_cancelled |= task.error == _CANCELLED
        if self._is_cancelled and planned.is_exit_handler and not self._exit_handler_on_cancel:
            raise _CancelledError
        if task.state == "SUCCEEDED":
            self._outputs[task.name] = {
                key: self._stored(task, key, output) for key, output in task.outputs.items()
            }
        inputs = {
            key: self._outputs[source.task][source.key]
            for key, source in planned.artifacts.items()
            if isinstance(source, ArtifactOf) and source.key in self._outputs.get(source.task, {})
        }
        _tell({"task": self._described(task, inputs)})

    def _stored(self, task: TaskResult, key: str, output: OutputArtifact) -> dict[str, Any]:
        is_import = task.log_path is None
        uri = (
            self._bucket.uri_of(output.uri)
            if is_import
            else self._bucket.upload(task.name, key, output)
        )
        return {
            "uri": uri,
            "metadata": dict(output.metadata),
            "schema_title": output.schema_title,
        }

    def _described(self, task: TaskResult, inputs: Mapping[str, Any]) -> dict[str, Any]:
        error = task.error or ""
        is_ours = task.name in self._platform_errors
        if task.state == "FAILED" and is_ours:
            error = self._platform_errors[task.name]
        failed = task.state in ("FAILED", "RETRYING")
        return {
            "name": task.name,
            "task_id": self._bucket.task_id(task.name),
            "state": _STATES.get(task.state, task.state),
            "error": error,
            "exit_code": _exit_code(error) if failed and not is_ours and task.log_path else 0,
            "out_of_memory": error.startswith(OUT_OF_MEMORY),
            "attempt": max(1, task.attempts),
            "start": task.start.isoformat() if task.start else None,
            "end": task.end.isoformat() if task.end else None,
            "log": str(task.log_path) if task.log_path else None,
            "inputs": inputs,
            "outputs": self._outputs.get(task.name, {}),
            "output_parameters": dict(task.output_parameters),
        }


def _exit_code(error: str) -> int:
    """As a container's exit code tells: of a signal, 128 more."""
    if found := _SIGNAL.search(error):
        return 128 + int(found[1])
    found = _EXIT_CODE.search(error)
    return int(found[1]) if found else 1


def _tell(event: Mapping[str, Any]) -> None:
    print(json.dumps(event), file=_EVENTS, flush=True)


# Whatever the engine prints is no event.
_EVENTS, sys.stdout = sys.stdout, sys.stderr


def run(request: dict[str, Any]) -> None:
    """Run the job, and tell how it ended."""
    run_job_of = _run_containers if request["containers"]["engine"] else _run_processes
    run_job_of(request)


def _run_containers(request: dict[str, Any]) -> None:
    """Each task in a container of its own."""
    bucket = MountedBucket(
        request["root"], request["project_number"], request["job_id"], Path.cwd()
    )
    spec = prepared_for_containers(request, bucket)
    graph = read_graph(spec)
    errors: dict[str, str] = {}
    request["platform_errors"] = errors
    events = _Events(request, graph, bucket)
    options = LocalOptions(
        max_workers=request["max_workers"], failure_policy=request["failure_policy"]
    )
    values = resolve_parameters(graph.parameters, request["parameter_values"])
    identity = JobIdentity(request["job_id"], request["job_uuid"])
    scheduler = Scheduler(graph, values, identity, options, events)
    try:
        with (
            interrupts_call(scheduler.interrupt),
            ThreadPoolExecutor(options.workers()) as pool,
            closing(ContainerAttempts(request, spec, bucket, errors)) as attempts,
        ):
            scheduler.run(attempts, pool)
    except _CancelledError:
        events.finished("CANCELLED", None)
    else:
        state = scheduler.state()
        events.finished(state, explain(graph, state, scheduler.results()))


def _run_processes(request: dict[str, Any]) -> None:
    """Each task in a process and a copy of the project of its own."""
    work = Path.cwd()
    project = work / "project"
    image = image_of_job(request)
    if image is None:
        project.mkdir()
    else:
        make_image(Path(image["project"]), project, lambda text: print(text, file=sys.stderr))
        add_to_image(Path(image["project"]), project, image["holds"])
    bucket = BucketFiles(request["root"], request["project_number"], request["job_id"], work)
    spec, request["platform_errors"] = prepared(request, bucket)
    graph = read_graph(spec)
    events = _Events(request, graph, bucket)
    options = LocalOptions(
        max_workers=request["max_workers"],
        failure_policy=request["failure_policy"],
        warm_modules=tuple(request["warm_modules"]),
        in_image=tuple(image["holds"]) if image else (),
        # What a container sees of Vertex AI.
        env={"KEDRO_VERTEXAI_TARGET": "vertex", **request["environment"]},
    )
    try:
        result = run_job(
            spec,
            job_name=request["job_id"],
            project_path=project,
            parameter_values=request["parameter_values"],
            options=options,
            reporter=events,
        )
    except _CancelledError:
        events.finished("CANCELLED", None)
    else:
        events.finished(result.state, result.error)


def _main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        run(request)
    except KeyboardInterrupt:
        # Before the engine takes the signal over.
        _tell({"state": "CANCELLED", "error": None})
    except VertexAIError as error:
        _tell({"state": "FAILED", "error": str(error)})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _main()
