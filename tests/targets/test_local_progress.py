"""What the user sees, and the names of what is left on disk."""

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_vertexai.targets.local import (
    JobResult,
    LiveReporter,
    PlainReporter,
    TaskResult,
    make_reporter,
)
from kedro_vertexai.targets.local.layout import safe_name
from kedro_vertexai.targets.progress import describe, duration, rows_that_fit, summary

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = START + timedelta(seconds=64)
FAILED = TaskResult(
    "a", "Train [it]", "FAILED", 1, START, END, Path("/logs/a.log"), "ValueError: [boom]"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError


def job(*tasks: TaskResult) -> JobResult:
    return JobResult("job", "id", "FAILED", Path("/jobs/job"), START, END, "why", tasks)


def tell(reporter: LiveReporter | PlainReporter) -> None:
    reporter.job_started(job(TaskResult("a", "Train [it]")))
    reporter.task_changed(FAILED)
    reporter.warning("look out")
    reporter.job_finished(job(FAILED))


def test_plain_lines() -> None:
    stream = io.StringIO()
    reporter = make_reporter(stream)
    assert isinstance(reporter, PlainReporter)
    tell(reporter)
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "job job: 1 tasks, in /jobs/job",
        "Train [it]: FAILED 1 min 04 s: ValueError: [boom] (log: /logs/a.log)",
        "warning: look out",
        "job job: FAILED 1 min 04 s: why",
    ]


def test_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    reporter = make_reporter(stream)
    assert isinstance(reporter, LiveReporter)
    tell(reporter)
    shown = stream.getvalue()
    for text in ("Train [it]", "ValueError: [boom]", "look out", "1 failed", "job job: FAILED"):
        assert text in shown


@pytest.mark.parametrize("reporter", [PlainReporter, LiveReporter])
def test_a_closed_terminal_ends_no_job(reporter: type[PlainReporter | LiveReporter]) -> None:
    tell(reporter(Closed()))


def test_a_large_job_shows_what_matters() -> None:
    tasks = [TaskResult(str(number), str(number), "SUCCEEDED") for number in range(50)]
    tasks[40:43] = [TaskResult(f"r{number}", "", "RUNNING") for number in range(3)]
    tasks[45] = FAILED
    assert [task.name for task in rows_that_fit(tasks, 3)] == ["a", "r0", "r1"]
    assert rows_that_fit(tasks, 50) == tasks
    assert summary(tasks) == "3 running, 46 succeeded, 1 failed"


def test_describe() -> None:
    assert describe(TaskResult("a", "a", "RUNNING", 2, START)) == "RUNNING (attempt 2)"
    assert describe(TaskResult("a", "a", "SKIPPED", error="why")) == "SKIPPED: why"
    assert duration(3725) == " 1 h 02 min"


@given(st.sets(st.text(), min_size=2))
def test_safe_names_are_distinct_file_names(names: set[str]) -> None:
    safe = {safe_name(name) for name in names}
    assert len(safe) == len(names)
    for name in safe:
        assert "/" not in name
        assert "\0" not in name
        assert name not in ("", ".", "..")
        assert len(name.encode()) <= 255


@pytest.mark.parametrize("length", [199, 200, 201, 5000])
def test_long_names(length: int) -> None:
    one, other = safe_name("ä" * length + "1"), safe_name("ä" * length + "2")
    assert one != other
    assert len(one.encode()) <= 220
