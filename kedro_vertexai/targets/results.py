"""What is known of a job and its tasks, while they run and afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

JobState = Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
TaskState = Literal[
    "PENDING", "RUNNING", "RETRYING", "SUCCEEDED", "CACHED", "FAILED", "SKIPPED", "CANCELLED"
]


@dataclass(frozen=True)
class OutputArtifact:
    """An artifact that a task made."""

    uri: str
    """Absolute path on this machine, or the URI of a remote place that the task named."""
    metadata: Mapping[str, Any]
    schema_title: str
    """Kind of artifact, such as `system.Dataset`."""

    @property
    def is_absent(self) -> bool:
        """Whether the task declared that it left nothing at the URI."""
        return self.metadata.get("absent") is True


@dataclass(frozen=True)
class TaskResult:
    """One task at one moment."""

    name: str
    display_name: str
    state: TaskState = "PENDING"
    """CACHED: taken from an earlier job. SKIPPED: never started. CANCELLED: was stopped while it
    ran or waited for a retry."""
    attempts: int = 0
    start: datetime | None = None
    """When the first attempt started (UTC)."""
    end: datetime | None = None
    log_path: Path | None = None
    """Log of the latest attempt; None for a task that has no process."""
    error: str | None = None
    """One line: why the task (or its latest attempt) failed, was skipped or stopped."""
    outputs: Mapping[str, OutputArtifact] = field(default_factory=dict)
    output_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> float | None:
        """Seconds from first start to end, None while either is unknown."""
        return seconds_between(self.start, self.end)


@dataclass(frozen=True)
class JobResult:
    """One job at one moment."""

    job_name: str
    job_id: str
    """UUID in its usual text form."""
    state: JobState
    path: Path
    """Directory that holds everything the job leaves."""
    start: datetime
    end: datetime | None = None
    error: str | None = None
    """One line: the first failure, then the exit handler's own if it failed too."""
    tasks: tuple[TaskResult, ...] = ()
    """In topological order."""

    @property
    def place(self) -> str:
        """Where everything is, for a line about the job."""
        return f"in {self.path}"

    @property
    def duration(self) -> float | None:
        """Seconds, None while the job runs."""
        return seconds_between(self.start, self.end)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds, None while either is unknown."""
    return None if start is None or end is None else (end - start).total_seconds()
