"""Follows a job to its end, asking no more often than anyone would notice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from kedro_vertexai.targets.progress import Reporter
from kedro_vertexai.targets.results import TaskResult, TaskState, seconds_between
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.console import job_page
from kedro_vertexai.targets.vertex.errors import explained, google_errors
from kedro_vertexai.targets.vertex.field_mask import Metadata, field_mask
from kedro_vertexai.targets.vertex.job_record import ENDED, TaskRecord, job_record
from kedro_vertexai.targets.vertex.retry import transient
from kedro_vertexai.targets.vertex.submit import get_job

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail

# Seconds between two looks: a fifth of the time that has passed, within these.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SHARE = 0.2

# What is told of a job that goes on. All of it has the spec, and each task's artifacts.
_TASK_FIELDS = (
    "taskId",
    "parentTaskId",
    "taskName",
    "state",
    "startTime",
    "endTime",
    "error.message",
    "executorDetail.containerDetail.mainJob",
    "executorDetail.containerDetail.failedMainJobs",
)
_TOLD = field_mask(
    *("name", "state", "createTime", "startTime", "endTime", "error.message"),
    *(f"jobDetail.taskDetails.{name}" for name in _TASK_FIELDS),
)

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs#State_1
_TASK_STATES: dict[str, TaskState] = {
    "RUNNING": "RUNNING",
    "CANCEL_PENDING": "RUNNING",
    "CANCELLING": "RUNNING",
    "SUCCEEDED": "SUCCEEDED",
    # The service skips what it has in its cache.
    "SKIPPED": "CACHED",
    "NOT_TRIGGERED": "SKIPPED",
    "FAILED": "FAILED",
    "CANCELLED": "CANCELLED",
}


class TimeIsUpError(Exception):
    """The job had not ended when it should no longer be waited for."""


@dataclass(frozen=True)
class FollowedJob:
    """A job at one moment, as reporters tell of it."""

    job_name: str
    state: str
    place: str
    start: datetime | None = None
    end: datetime | None = None
    error: str | None = None
    tasks: tuple[TaskResult, ...] = ()

    @property
    def duration(self) -> float | None:
        """Seconds, None while the job runs."""
        return seconds_between(self.start, self.end)

    @property
    def has_ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ENDED


@dataclass
class Follower:
    """One job, looked at until it ends, or until somebody no longer wants to wait.

    Args:
        clients: of its project and region.
        job_id: its id.
        titles: the user's own names by those of the tasks.
        expected: names of tasks of which the service may not speak before they start.
        timeout: seconds to wait in all, None for as long as it takes.
    """

    clients: GoogleClients
    job_id: str
    titles: Mapping[str, str] = field(default_factory=dict)
    expected: Sequence[str] = ()
    timeout: float | None = None
    _started: float = field(default_factory=time.monotonic)

    def until_end(self, reporter: Reporter) -> PipelineJob:
        """Tell of every change until the job has ended. May be called again after an interrupt.

        An error that passes by itself is told and waited out, however long that takes.

        Raises:
            TimeIsUpError: it has not ended in time.
            RunError: the service refuses to tell.
        """
        known: dict[str, TaskResult] | None = None
        with closing(reporter):
            for job in self._looks(reporter, _TOLD):
                now = self._seen(job)
                if known is None:
                    known = {name: TaskResult(name, self._title(name)) for name in self.expected}
                    known |= {
                        task.name: TaskResult(task.name, task.display_name) for task in now.tasks
                    }
                    reporter.job_started(replace(now, tasks=tuple(known.values())))
                for task in now.tasks:
                    if task != known.get(task.name):
                        known[task.name] = task
                        reporter.task_changed(task)
                if now.has_ended:
                    reporter.job_finished(now)
                    break
            for job in self._looks(reporter):
                return job
        raise AssertionError("looks never end")

    def _looks(self, reporter: Reporter, mask: Metadata = ()) -> Iterator[PipelineJob]:
        """The job as it is now, all of it without a mask, and again after a while."""
        is_away = False
        while True:
            job = self._look(reporter, mask, quiet=is_away)
            is_away = job is None
            if job is not None:
                yield job
            self._pause()

    def _look(self, reporter: Reporter, mask: Metadata, *, quiet: bool) -> PipelineJob | None:
        with google_errors(self.clients.location):
            try:
                return get_job(self.clients, self.job_id, mask)
            except Exception as error:
                if not transient(error):
                    raise
                if not quiet:
                    said = explained(error, self.clients.location)
                    reporter.warning(f"{said}; the job goes on, and is asked for again")
                return None

    def _pause(self) -> None:
        passed = time.monotonic() - self._started
        seconds = min(max(passed * _SHARE, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        if self.timeout is not None:
            if passed >= self.timeout:
                raise TimeIsUpError
            seconds = min(seconds, self.timeout - passed)
        time.sleep(seconds)

    def _seen(self, job: PipelineJob) -> FollowedJob:
        record = job_record(job)
        page = job_page(self.clients.location, self.job_id)
        return FollowedJob(
            job_name=record.id,
            state=record.state,
            place=f"at {page}",
            start=record.start or record.created,
            end=record.end,
            error=record.error or None,
            tasks=tuple(map(self._task, record.tasks)),
        )

    def _task(self, record: TaskRecord) -> TaskResult:
        return TaskResult(
            name=record.name,
            display_name=self._title(record.name),
            state=_TASK_STATES.get(record.state, "PENDING"),
            attempts=len(record.container_jobs),
            start=record.start,
            end=record.end,
            error=record.error or None,
        )

    def _title(self, name: str) -> str:
        return self.titles.get(name, name)


def tasks_of(job: PipelineJob) -> list[PipelineTaskDetail]:
    """The tasks that do something: not those that only hold others."""
    details = list(job.job_detail.task_details) if job.job_detail else []
    parents = {detail.parent_task_id for detail in details if detail.parent_task_id}
    return [detail for detail in details if detail.task_id not in parents]
