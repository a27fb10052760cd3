"""A schedule as the message of Vertex AI's API that asks for it.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.schedules#Schedule
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.client import Location
from kedro_vertexai.targets.vertex.names import (
    ENV_LABEL,
    PIPELINE_LABEL,
    PROJECT_LABEL,
    label_value,
)
from kedro_vertexai.targets.vertex.request import JobRequest, pipeline_job

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule


@dataclass(frozen=True)
class Timing:
    """When jobs start, and how many of them."""

    cron: str
    """A cron expression that begins with its time zone: `TZ=Europe/Berlin 0 3 * * *`."""
    start: datetime | None = None
    end: datetime | None = None
    allow_queueing: bool = False
    """Whether a job that comes too early waits, instead of being left out."""
    max_run_count: int | None = None
    max_concurrent_run_count: int = 1
    max_concurrent_active_run_count: int | None = None


@dataclass(frozen=True)
class Identity:
    """What a schedule is of. Where this is the same, it is the same schedule."""

    project: str
    """The Kedro project's package."""
    pipeline: str
    env: str

    @property
    def labels(self) -> Mapping[str, str]:
        """How the jobs of the schedule, and so the schedule itself, are known.

        A schedule has no labels of its own.
        """
        return {
            PROJECT_LABEL: label_value(self.project),
            PIPELINE_LABEL: label_value(self.pipeline),
            ENV_LABEL: label_value(self.env),
        }


def schedule_message(
    location: Location, display_name: str, timing: Timing, job: JobRequest
) -> Schedule:
    """Ask for a schedule. The job in it has no id: the service gives each run its own."""
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest, Schedule

    schedule = Schedule(
        display_name=display_name,
        cron=timing.cron,
        start_time=timing.start,
        end_time=timing.end,
        allow_queueing=timing.allow_queueing,
        max_concurrent_run_count=timing.max_concurrent_run_count,
        create_pipeline_job_request=CreatePipelineJobRequest(
            parent=location.parent, pipeline_job=pipeline_job(job)
        ),
    )
    if timing.max_run_count is not None:
        schedule.max_run_count = timing.max_run_count
    if timing.max_concurrent_active_run_count is not None:
        schedule.max_concurrent_active_run_count = timing.max_concurrent_active_run_count
    return schedule
