"""Runs one attempt of one task, from its inputs to its outputs."""

import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.engine import Work, Workplace
from kedro_vertexai.targets.local.executor_io import (
    Inputs,
    Outputs,
    build_executor_input,
    read_outputs,
)
from kedro_vertexai.targets.local.graph import ContainerExecutor, ImporterExecutor, Task
from kedro_vertexai.targets.local.launcher import Process, check_arguments
from kedro_vertexai.targets.local.layout import JobLayout, local_path
from kedro_vertexai.targets.local.log_tail import last_meaningful_line
from kedro_vertexai.targets.local.placeholders import JobIdentity, resolve_argv
from kedro_vertexai.targets.results import OutputArtifact


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended."""

    error: str | None = None
    """One line; None: it succeeded."""
    outputs: Outputs = field(default_factory=Outputs)


class AttemptRunner:
    """Runs attempts, each in the thread that asks for it."""

    def __init__(self, layout: JobLayout, identity: JobIdentity, workplace: Workplace) -> None:
        self._layout = layout
        self._identity = identity
        self._workplace = workplace
        self._lock = threading.Lock()
        self._processes: dict[str, Process] = {}
        self._signals: dict[str, int] = {}

    def log_path(self, task: Task, number: int) -> Path | None:
        """Return the log of an attempt (from 1); an importer has none."""
        if isinstance(task.executor, ImporterExecutor):
            return None
        return self._layout.attempt(task.name, number).log

    def run(self, task: Task, number: int, inputs: Inputs) -> Attempt:
        """Run an attempt and wait for its end."""
        try:
            if isinstance(task.executor, ImporterExecutor):
                return Attempt(outputs=import_artifact(task, inputs, self._layout.project_path))
            return Attempt(outputs=self._run_container(task, task.executor, number, inputs))
        except TaskError as error:
            return Attempt(error=str(error))
        except OSError as error:
            return Attempt(error=f"cannot prepare the task: {error}")

    def signal(self, task: str, number: int) -> None:
        """Send a signal to a task that runs, or as soon as its process has started."""
        with self._lock:
            self._signals[task] = number
            process = self._processes.get(task)
        if process is not None:
            process.signal(number)

    def _run_container(
        self, task: Task, executor: ContainerExecutor, number: int, inputs: Inputs
    ) -> Outputs:
        paths = self._layout.attempt(task.name, number)
        paths.create()
        executor_input = build_executor_input(task, inputs, paths)
        argv = resolve_argv(executor.argv, executor_input, self._identity)
        check_arguments(argv)
        returncode = self._run_process(Work(task, executor, tuple(argv), paths))
        if returncode:
            raise TaskError(_describe(returncode, paths.log))
        outputs = read_outputs(task, paths)
        self._workplace.succeeded(task.name, number)
        return outputs

    def _run_process(self, work: Work) -> int:
        task = work.task.name
        process = self._workplace.start(work)
        with self._lock:
            self._processes[task] = process
            sent_before_start = self._signals.get(task)
        if sent_before_start is not None:
            process.signal(sent_before_start)
        try:
            return process.wait()
        finally:
            with self._lock:
                del self._processes[task]


def import_artifact(task: Task, inputs: Inputs, project_path: Path) -> Outputs:
    """Return the artifact an importer stands for.

    Raises:
        TaskError: if there is nothing at its URI.
    """
    executor = task.executor
    assert isinstance(executor, ImporterExecutor)
    uri = executor.uri
    if uri is None:
        uri = str(inputs.parameters.get(executor.uri_parameter or "uri", ""))
    path = local_path(uri)
    if path is not None:
        path = project_path / path
        if not uri or not path.exists():
            raise TaskError(f"there is nothing at '{uri}' to import")
    return Outputs(
        artifacts={
            key: OutputArtifact(
                uri=uri if path is None else str(path),
                metadata={**declared.metadata, **executor.metadata},
                schema_title=declared.schema.get("schemaTitle", ""),
            )
            for key, declared in task.output_artifacts.items()
        }
    )


def _describe(returncode: int, log: Path) -> str:
    if returncode < 0:
        return _describe_signal(-returncode)
    line = last_meaningful_line(log)
    if line is None:
        return f"exit code {returncode}"
    return line if returncode == 1 else f"{line} (exit code {returncode})"


def _describe_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    message = f"killed by signal {number} ({name})"
    if number == signal.SIGKILL:
        return f"{message}: perhaps the machine is out of memory"
    return message
