"""Tells the user how a job is doing: a live table on a terminal, lines elsewhere."""

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Protocol, TextIO

from kedro_vertexai.targets.cell_table import Cell, CellTable
from kedro_vertexai.targets.results import TaskResult, TaskState

# A table takes milliseconds of a processor, and a job may take days.
_REFRESHES_PER_SECOND = 1
# Lines of the terminal that are not rows of the table: its head, the summary, the prompt.
_OTHER_LINES = 6
_HEAD = ("task", "state", "attempt", "duration")
# The columns of numbers.
_NUMBERS = frozenset({2, 3})

_COLOURS: dict[TaskState, str] = {
    "PENDING": "dim",
    "RUNNING": "cyan",
    "RETRYING": "yellow",
    "SUCCEEDED": "green",
    "CACHED": "green",
    "FAILED": "bold red",
    "SKIPPED": "dim",
    "CANCELLED": "yellow",
}
_OF_INTEREST: tuple[TaskState, ...] = ("FAILED", "RUNNING", "RETRYING", "CANCELLED")

# What writing raises once nobody reads (`| head`, a closed terminal): no reason to lose the job.
# rich turns a broken pipe into SystemExit.
_NOBODY_READS = (OSError, ValueError, SystemExit)


class ReportedJob(Protocol):
    """What a reporter tells of a job, of whatever target."""

    @property
    def job_name(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """In one word."""

    @property
    def place(self) -> str:
        """Where it can be looked at, with its preposition."""

    @property
    def duration(self) -> float | None:
        """Seconds, None while it runs."""

    @property
    def error(self) -> str | None:
        """One line."""

    @property
    def tasks(self) -> Sequence[TaskResult]:
        """Those that are known so far."""


class Reporter(Protocol):
    """Hears of a job; every method is called in the same thread, except `warning`."""

    def job_started(self, job: ReportedJob) -> None:
        """The job is about to start; its tasks are pending."""

    def task_changed(self, task: TaskResult) -> None:
        """A task has another state."""

    def warning(self, message: str) -> None:
        """Something the user should know; one line, perhaps from another thread."""

    def job_finished(self, job: ReportedJob) -> None:
        """The job ended."""

    def close(self) -> None:
        """Nobody listens to the job any more, though it may go on."""


class PlainReporter:
    """Writes one line for each event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def job_started(self, job: ReportedJob) -> None:
        """Say where everything will be."""
        self._line(f"job {job.job_name}: {len(job.tasks)} tasks, {job.place}")

    def task_changed(self, task: TaskResult) -> None:
        """Say what became of a task."""
        self._line(f"{task.display_name}: {describe(task)}")

    def warning(self, message: str) -> None:
        """Say it."""
        self._line(f"warning: {message}")

    def job_finished(self, job: ReportedJob) -> None:
        """Say how the job ended, and why."""
        reason = f": {job.error}" if job.error else ""
        self._line(f"job {job.job_name}: {job.state}{duration(job.duration)}{reason}")

    def close(self) -> None:
        """Nothing is to be taken away."""

    def _line(self, text: str) -> None:
        with suppress(*_NOBODY_READS):
            self._stream.write(f"{datetime.now().astimezone():%H:%M:%S} {text}\n")
            self._stream.flush()


class LiveReporter:
    """Shows a table that follows the tasks; only what is of interest if there are many."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._lock = threading.Lock()
        self._tasks: dict[str, TaskResult] = {}
        self._console = Console(file=stream)
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )

    def job_started(self, job: ReportedJob) -> None:
        """Show the table."""
        self._tasks = {task.name: task for task in job.tasks}
        self._print(f"job {job.job_name} {job.place}")
        with suppress(*_NOBODY_READS):
            self._live.start()

    def task_changed(self, task: TaskResult) -> None:
        """Have the next refresh show it; keep a failure's reason above the table."""
        with self._lock:
            self._tasks[task.name] = task
        if task.state in ("FAILED", "RETRYING"):
            self._print(f"{task.display_name}: {describe(task)}")

    def warning(self, message: str) -> None:
        """Show it above the table."""
        self._print(f"warning: {message}")

    def job_finished(self, job: ReportedJob) -> None:
        """Take the table away: whoever started the job sums it up."""
        self.close()
        reason = f": {job.error}" if job.error else ""
        self._print(f"job {job.job_name}: {job.state}{duration(job.duration)}{reason}")

    def close(self) -> None:
        """Take the table away."""
        with suppress(*_NOBODY_READS):
            self._live.stop()

    def _print(self, text: str) -> None:
        with suppress(*_NOBODY_READS):
            self._console.print(text, markup=False, highlight=False)

    def _table(self) -> CellTable:
        with self._lock:
            tasks = list(self._tasks.values())
        shown = rows_that_fit(tasks, max(1, self._console.height - _OTHER_LINES))
        return CellTable(_HEAD, [_row(task) for task in shown], _NUMBERS, summary(tasks))


def _row(task: TaskResult) -> list[Cell]:
    return [
        Cell(task.display_name),
        Cell(task.state, _COLOURS[task.state]),
        Cell(str(task.attempts or "")),
        Cell(duration(elapsed(task)).strip()),
    ]


def make_reporter(stream: TextIO | None = None) -> Reporter:
    """Return the reporter that suits a stream (default: standard output)."""
    stream = stream if stream is not None else sys.stdout
    return LiveReporter(stream) if stream.isatty() else PlainReporter(stream)


def rows_that_fit(tasks: list[TaskResult], rows: int) -> list[TaskResult]:
    """Return the tasks to show: all of them, or else those that do or need something."""
    if len(tasks) <= rows:
        return tasks
    interesting = [task for task in tasks if task.state in _OF_INTEREST]
    interesting.sort(key=lambda task: _OF_INTEREST.index(task.state))
    return interesting[:rows]


def summary(tasks: list[TaskResult]) -> str:
    """Return how many tasks are in which state."""
    counts = ((state, sum(task.state == state for task in tasks)) for state in _COLOURS)
    return ", ".join(f"{count} {state.lower()}" for state, count in counts if count)


def describe(task: TaskResult) -> str:
    """Return the state of a task in one line, with what helps to act on it."""
    text: str = task.state
    if task.state == "RUNNING" and task.attempts > 1:
        text += f" (attempt {task.attempts})"
    if task.end is not None and task.start is not None:
        text += duration(task.duration)
    if task.error:
        text += f": {task.error}"
    if task.state in ("FAILED", "RETRYING") and task.log_path is not None:
        text += f" (log: {task.log_path})"
    return text


def elapsed(task: TaskResult) -> float | None:
    """Return the seconds since a task first started, up to its end."""
    if task.start is None:
        return None
    return ((task.end or datetime.now(timezone.utc)) - task.start).total_seconds()


def duration(seconds: float | None) -> str:
    """Return ` 1.2 s`, ` 3 min 04 s` or ` 1 h 02 min` with a leading space; empty for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f" {seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f" {minutes} min {rest:02} s"
    return f" {minutes // 60} h {minutes % 60:02} min"
