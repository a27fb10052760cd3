"""The jobs that schedules have started."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients
from kedro_vertexai.targets.vertex.job_record import JobRecord, job_record
from kedro_vertexai.targets.vertex.jobs import JobFilter
from kedro_vertexai.targets.vertex.names import COMMIT_LABEL, OWN_LABELS, resource_id
from kedro_vertexai.targets.vertex.retry import Patience, retried
from kedro_vertexai.targets.vertex.schedules import labels_of

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule

# What a spec says is not asked for: it can have megabytes.
_FIELDS = ("name", "state", "create_time", "schedule_name")
# Among so many of a pipeline's newest jobs its schedule's last one is looked for.
_MOST = 200
_PAGE = 100


def last_jobs(
    clients: GoogleClients, schedules: Sequence[Schedule], patience: Patience | None = None
) -> dict[str, JobRecord]:
    """The newest job of each schedule, by the schedule's name; without those that have none.

    Raises:
        Exception: the client's, for `google_errors`.
    """
    found = {}
    for schedule in schedules:
        job = _last(clients, schedule, patience) if schedule.started_run_count else None
        if job:
            found[schedule.name] = job
    return found


def _last(
    clients: GoogleClients, schedule: Schedule, patience: Patience | None
) -> JobRecord | None:
    from google.cloud.aiplatform_v1.types import ListPipelineJobsRequest
    from google.protobuf.field_mask_pb2 import FieldMask

    # A filter cannot ask for the schedule. A commit may have been written to it since.
    labels = {key: labels_of(schedule)[key] for key in OWN_LABELS if key in labels_of(schedule)}
    labels.pop(COMMIT_LABEL, None)
    request = ListPipelineJobsRequest(
        parent=clients.location.parent,
        filter=JobFilter(labels=labels).expression(),
        order_by="create_time desc",
        page_size=_PAGE,
        read_mask=FieldMask(paths=_FIELDS),
    )

    def asked() -> JobRecord | None:
        jobs = clients.pipelines.list_pipeline_jobs(request, retry=None, timeout=TIMEOUT)
        number = resource_id(schedule.name)
        mine = (job for job in islice(jobs, _MOST) if resource_id(job.schedule_name) == number)
        job = next(mine, None)
        return job_record(job) if job else None

    return retried(asked, patience)
