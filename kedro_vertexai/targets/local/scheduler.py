"""Decides which task starts when, is tried again, is skipped or is stopped.

All decisions are taken in one thread, which sleeps until an attempt ends, a timer is due or the
user interrupts. Attempts run in a pool of threads.
"""

import heapq
import queue
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.attempt import Attempt
from kedro_vertexai.targets.local.executor_io import Inputs, Outputs
from kedro_vertexai.targets.local.graph import ArtifactOf, FinalStatusOf, Graph, ParameterOf, Task
from kedro_vertexai.targets.local.inputs import InputResolver, final_status
from kedro_vertexai.targets.local.options import LocalOptions
from kedro_vertexai.targets.local.placeholders import JobIdentity
from kedro_vertexai.targets.results import JobState, TaskResult, TaskState

_FINAL: frozenset[TaskState] = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED"})

# How often the user must interrupt before even the exit handler is killed.
_GIVE_UP = 3


class Runner(Protocol):
    """What runs the attempts."""

    def run(self, task: Task, number: int, inputs: Inputs) -> Attempt:
        """Run an attempt (from 1) and wait for its end; called in threads of the pool."""

    def signal(self, task: str, number: int) -> None:
        """Send a signal to a task that runs."""

    def log_path(self, task: Task, number: int) -> Path | None:
        """Return where an attempt logs."""


class Listener(Protocol):
    """What hears of every change; called in the scheduler's thread."""

    def task_changed(self, task: TaskResult) -> None:
        """A task has another state."""

    def warning(self, message: str) -> None:
        """Something the user should know; one line."""


@dataclass(frozen=True)
class _Interrupt:
    """The user wants the job to stop."""


@dataclass(frozen=True)
class _AttemptEnded:
    task: str
    future: "Future[Attempt]"


@dataclass
class _Run:
    """A task on its way through the job."""

    task: Task
    index: int
    """Position in topological order: of the tasks that are ready, the lowest starts first."""
    waiting_for: int
    state: TaskState = "PENDING"
    attempts: int = 0
    start: datetime | None = None
    end: datetime | None = None
    log_path: Path | None = None
    error: str | None = None
    outputs: Outputs = field(default_factory=Outputs)
    is_stopping: bool = False

    @property
    def is_final(self) -> bool:
        return self.state in _FINAL

    def result(self) -> TaskResult:
        return TaskResult(
            name=self.task.name,
            display_name=self.task.display_name,
            state=self.state,
            attempts=self.attempts,
            start=self.start,
            end=self.end,
            log_path=self.log_path,
            error=self.error,
            outputs=self.outputs.artifacts,
            output_parameters=self.outputs.parameters,
        )


class Scheduler:
    """Runs the tasks of one graph once."""

    def __init__(
        self,
        graph: Graph,
        parameter_values: Mapping[str, Any],
        identity: JobIdentity,
        options: LocalOptions,
        listener: Listener,
        fits: Callable[[Task, Collection[Task]], bool] = lambda _task, _running: True,
    ) -> None:
        """Prepare to run.

        Args:
            graph: the tasks.
            parameter_values: of the pipeline, checked.
            identity: the job.
            options: workers, failure policy and grace period.
            listener: hears of every change.
            fits: whether there is room for a task beside those that run.
        """
        self._identity = identity
        self._options = options
        self._workers = options.workers()
        self._listener = listener
        self._fits = fits
        self._events: queue.SimpleQueue[_Interrupt | _AttemptEnded] = queue.SimpleQueue()
        self._runs = {
            name: _Run(task, index, len(task.upstream))
            for index, (name, task) in enumerate(graph.tasks.items())
        }
        self._dependents: dict[str, list[_Run]] = {name: [] for name in self._runs}
        for run in self._runs.values():
            for upstream in run.task.upstream:
                self._dependents[upstream].append(run)
        self._resolver = InputResolver(
            identity, parameter_values, lambda name: self._runs[name].outputs, self._final_status
        )
        self._unfinished = len(self._runs)
        self._running: dict[str, _Run] = {}
        self._ready: list[tuple[int, _Run]] = []
        self._retries: list[tuple[float, int, _Run]] = []
        self._kill_at: float | None = None
        self._stop_reason: str | None = None
        self._interrupts = 0
        self._is_cancelled = False

    def interrupt(self) -> None:
        """Stop the job; may be called at any time, by a signal handler too."""
        self._events.put(_Interrupt())

    def run(self, runner: Runner, pool: Executor) -> None:
        """Return when every task has come to its end.

        Args:
            runner: runs attempts.
            pool: threads for them, at least as many as the options allow tasks.
        """
        self._runner, self._pool = runner, pool
        for run in self._runs.values():
            if not run.waiting_for:
                self._make_ready(run)
        while self._unfinished:
            self._start_ready()
            if self._unfinished:
                self._handle_next_event()

    def results(self) -> tuple[TaskResult, ...]:
        """Return every task as it is now, in topological order."""
        return tuple(run.result() for run in self._runs.values())

    def state(self) -> JobState:
        """Return how the job as a whole ended, once it has."""
        states = {run.state for run in self._runs.values()}
        if self._is_cancelled:
            return "CANCELLED"
        if "FAILED" in states:
            return "FAILED"
        return "CANCELLED" if "CANCELLED" in states else "SUCCEEDED"

    # Starting

    def _make_ready(self, run: _Run) -> None:
        heapq.heappush(self._ready, (run.index, run))

    def _start_ready(self) -> None:
        too_large = []
        while self._ready and len(self._running) < self._workers:
            index, run = heapq.heappop(self._ready)
            if run.is_final:
                continue
            if self._fits(run.task, [other.task for other in self._running.values()]):
                self._start(run)
            else:
                too_large.append((index, run))
        for entry in too_large:
            heapq.heappush(self._ready, entry)

    def _start(self, run: _Run) -> None:
        try:
            inputs = self._resolver.resolve(run.task)
        except TaskError as error:
            self._finish(run, "FAILED", str(error))
            return
        run.state = "RUNNING"
        run.attempts += 1
        run.error = None
        run.start = run.start or _now()
        run.log_path = self._runner.log_path(run.task, run.attempts)
        self._running[run.task.name] = run
        self._listener.task_changed(run.result())
        future = self._pool.submit(self._runner.run, run.task, run.attempts, inputs)
        name = run.task.name
        future.add_done_callback(lambda ended: self._events.put(_AttemptEnded(name, ended)))

    # Events

    def _handle_next_event(self) -> None:
        try:
            event = self._events.get(timeout=self._seconds_to_next_timer())
        except queue.Empty:
            self._handle_timers()
            return
        if isinstance(event, _Interrupt):
            self._handle_interrupt()
        else:
            self._handle_end(self._running.pop(event.task), event.future.result())

    def _seconds_to_next_timer(self) -> float | None:
        times = [self._retries[0][0]] if self._retries else []
        times += [self._kill_at] if self._kill_at is not None else []
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _handle_timers(self) -> None:
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            self._make_ready(heapq.heappop(self._retries)[2])
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_stopping()

    def _handle_end(self, run: _Run, attempt: Attempt) -> None:
        if attempt.error is None:
            run.outputs = attempt.outputs
            self._finish(run, "SUCCEEDED", None)
        elif run.is_stopping:
            self._finish(run, "CANCELLED", self._stop_reason)
        elif self._may_retry(run):
            self._retry_later(run, attempt.error)
        else:
            self._finish(run, "FAILED", attempt.error)
            if self._options.failure_policy == "fast" and not run.task.is_exit_handler:
                self._stop(f"stopped because '{run.task.display_name}' failed")

    def _may_retry(self, run: _Run) -> bool:
        # Who interrupts again and again wants the end, not another attempt.
        return run.attempts <= run.task.retry.max_retries and self._interrupts < _GIVE_UP - 1

    def _retry_later(self, run: _Run, error: str) -> None:
        run.state = "RETRYING"
        run.error = error
        due = time.monotonic() + run.task.retry.delay(run.attempts)
        heapq.heappush(self._retries, (due, run.index, run))
        self._listener.task_changed(run.result())

    # Ending

    def _finish(self, run: _Run, state: TaskState, error: str | None) -> None:
        """End a task, and with it every task that can now not start any more."""
        ends: list[tuple[_Run, TaskState, str | None]] = [(run, state, error)]
        while ends:
            run, state, error = ends.pop()
            if run.is_final:
                continue
            run.state, run.error, run.end = state, error, _now()
            self._unfinished -= 1
            self._listener.task_changed(run.result())
            for dependent in self._dependents[run.task.name]:
                dependent.waiting_for -= 1
                if dependent.waiting_for or dependent.is_final:
                    continue
                reason = self._reason_to_skip(dependent.task)
                if reason is None:
                    self._make_ready(dependent)
                else:
                    ends.append((dependent, "SKIPPED", reason))

    def _reason_to_skip(self, task: Task) -> str | None:
        if self._stop_reason is not None and not task.is_exit_handler:
            return self._stop_reason
        for name in _required(task):
            upstream = self._runs[name]
            if upstream.state != "SUCCEEDED":
                how = {"FAILED": "failed", "CANCELLED": "was stopped"}.get(
                    upstream.state, "was skipped"
                )
                return f"it needs '{upstream.task.display_name}', which {how}"
        return None

    def _final_status(self, source: FinalStatusOf) -> Mapping[str, Any]:
        runs = [self._runs[name] for name in source.tasks]
        failed = [run.task.name for run in runs if run.state == "FAILED"]
        state: JobState = "FAILED" if failed else "SUCCEEDED"
        return final_status(
            self._identity, source, "CANCELLED" if self._is_cancelled else state, failed
        )

    # Stopping

    def _handle_interrupt(self) -> None:
        self._interrupts += 1
        if any(not run.is_final for run in self._ordinary()):
            if self._is_cancelled:
                self._kill_stopping()
                return
            self._listener.warning("stopping all tasks; interrupt again to kill them")
            self._is_cancelled = True
            self._stop("the job was cancelled")
        elif self._interrupts < _GIVE_UP:
            self._listener.warning("the exit handler runs, the job ends after it")
        else:
            for run in self._running.values():
                run.is_stopping = True
                self._stop_reason = "the exit handler was killed"
                self._runner.signal(run.task.name, signal.SIGKILL)

    def _ordinary(self) -> Iterator[_Run]:
        return (run for run in self._runs.values() if not run.task.is_exit_handler)

    def _stop(self, reason: str) -> None:
        """Start no ordinary task any more, and ask those that run to end."""
        self._stop_reason = reason
        for run in self._ordinary():
            if run.state == "PENDING":
                self._finish(run, "SKIPPED", reason)
            elif run.state == "RETRYING":
                self._finish(run, "CANCELLED", reason)
            elif run.state == "RUNNING":
                run.is_stopping = True
                self._runner.signal(run.task.name, signal.SIGTERM)
        self._retries = [entry for entry in self._retries if not entry[2].is_final]
        heapq.heapify(self._retries)
        self._kill_at = time.monotonic() + self._options.grace_period

    def _kill_stopping(self) -> None:
        self._kill_at = None
        for run in self._running.values():
            if run.is_stopping:
                self._runner.signal(run.task.name, signal.SIGKILL)


def _required(task: Task) -> Iterator[str]:
    """Return the upstream tasks without whose success a task cannot start."""
    if not task.runs_after_failure:
        yield from task.upstream
        return
    for source in [*task.parameters.values(), *task.artifacts.values()]:
        if isinstance(source, ParameterOf | ArtifactOf):
            yield source.task


def _now() -> datetime:
    return datetime.now(timezone.utc)
