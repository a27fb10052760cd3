"""Finds jobs of Vertex AI Pipelines: by filters, by id, by the beginning of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

from kedro_vertexai.errors import ConfigError, RunError
from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients, Location
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.field_mask import Metadata, field_mask
from kedro_vertexai.targets.vertex.job_record import JobRecord, job_record
from kedro_vertexai.targets.vertex.names import JOB_ID, PROJECT_LABEL
from kedro_vertexai.targets.vertex.retry import PATIENCE_OF_A_READER, retried

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

LATEST = "latest"

# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_LABEL = re.compile(r"[\w-]{0,64}")
# Vertex AI writes a Google Cloud project's number where others write its id.
_FULL_NAME = re.compile(r"^projects/[^/]+/locations/[^/]+/pipelineJobs/")
# What a table of jobs shows; a spec can have megabytes.
_LISTED = ("name", "display_name", "state", "create_time", "start_time", "end_time", "labels")
# Of a job that is asked for its MLflow run only.
_RUN_FIELDS = field_mask(
    "name", "jobDetail.taskDetails.taskName", "jobDetail.taskDetails.execution.metadata"
)
_LARGEST_PAGE = 100
_THREADS = 8
# Of jobs that begin alike, a message names so many.
_NAMED = 5


@dataclass(frozen=True)
class JobFilter:
    """Which jobs; one that says nothing means all.

    Args:
        states: any of these, in Vertex AI's words without its prefix: RUNNING.
        labels: all of these; an empty value asks only that the key is there.
        since: when they were created at the earliest.
        id_prefix: what their ids begin with.
    """

    states: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    id_prefix: str = ""

    def expression(self) -> str:
        """The filter in the API's words.

        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/list

        Raises:
            ConfigError: a label that no job can have.
        """
        terms = [_label_term(key, value) for key, value in self.labels.items()]
        states = [f'state="PIPELINE_STATE_{state}"' for state in self.states]
        if states:
            terms.append(states[0] if len(states) == 1 else f"({' OR '.join(states)})")
        if self.since:
            moment = self.since.astimezone(timezone.utc)
            terms.append(f'create_time>="{moment:%Y-%m-%dT%H:%M:%SZ}"')
        if self.id_prefix:
            terms.append(f'pipeline_job_user_id:"{self.id_prefix}*"')
        return " AND ".join(terms)


def list_jobs(clients: GoogleClients, chosen: JobFilter, limit: int) -> list[JobRecord]:
    """The jobs that a filter chooses, the newest first, without their tasks.

    Raises:
        RunError: Vertex AI cannot be asked.
    """
    with google_errors(clients.location):
        return [job_record(job) for job in islice(_pages(clients, chosen, limit), limit)]


def with_mlflow_runs(clients: GoogleClients, jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """The same jobs with those tasks that tell of their MLflow run.

    A list says nothing of tasks, so each job is asked, several at a time.

    Raises:
        RunError: Vertex AI cannot be asked.
    """

    def asked(job: JobRecord) -> JobRecord:
        told = job_record(_get(clients, job.id, _RUN_FIELDS))
        return replace(job, tasks=told.tasks)

    with google_errors(clients.location), ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(asked, jobs))


def find_job(clients: GoogleClients, text: str, project_label: str) -> JobRecord:
    """The job that a user means, with its tasks.

    Args:
        clients: of its project and region.
        text: its id, its full name, what only its id begins with, or `latest`.
        project_label: of the Kedro project, whose jobs a beginning and `latest` speak of.

    Raises:
        RunError: there is no such job, or several; or Vertex AI cannot be asked.
    """
    return job_record(find_message(clients, text, project_label))


def find_message(clients: GoogleClients, text: str, project_label: str) -> PipelineJob:
    """The job of `find_job`, as the API gives it."""
    from google.api_core.exceptions import NotFound

    text = _FULL_NAME.sub("", text)
    mine = {PROJECT_LABEL: project_label}
    with google_errors(clients.location):
        if text == LATEST:
            return _get(clients, _newest(clients, mine))
        if not JOB_ID.fullmatch(text):
            raise RunError(f"'{text}' is no id of a job: lowercase letters, digits and dashes")
        try:
            return _get(clients, text)
        except NotFound:
            return _get(clients, _beginning(clients, text, mine))


def get_job(clients: GoogleClients, job_id: str) -> JobRecord:
    """A job with its tasks.

    Raises:
        RunError: Vertex AI cannot be asked, or has no such job.
    """
    with google_errors(clients.location):
        return job_record(_get(clients, job_id))


def _get(clients: GoogleClients, job_id: str, metadata: Metadata = ()) -> PipelineJob:
    name = clients.location.job(job_id)
    return retried(
        lambda: clients.pipelines.get_pipeline_job(name=name, timeout=TIMEOUT, metadata=metadata),
        PATIENCE_OF_A_READER,
    )


def _newest(clients: GoogleClients, labels: Mapping[str, str]) -> str:
    for job in _pages(clients, JobFilter(labels=labels), 1):
        return job_record(job).id
    raise RunError(f"no job of this Kedro project on Vertex AI in {_where(clients.location)}")


def _beginning(clients: GoogleClients, text: str, labels: Mapping[str, str]) -> str:
    chosen = JobFilter(labels=labels, id_prefix=text)
    found = [job_record(job).id for job in islice(_pages(clients, chosen, _NAMED), _NAMED + 1)]
    if not found:
        raise RunError(
            f"no job '{text}' on Vertex AI in {_where(clients.location)}, and none of this Kedro "
            "project that begins like this: `kedro vertexai list-pipelines` lists them"
        )
    if len(found) > 1:
        more = ", ..." if len(found) > _NAMED else ""
        raise RunError(f"several jobs begin with '{text}': {', '.join(found[:_NAMED])}{more}")
    return found[0]


def _pages(clients: GoogleClients, chosen: JobFilter, limit: int) -> Iterator[PipelineJob]:
    """The jobs, page after page as they are asked for."""
    from google.cloud.aiplatform_v1.types import ListPipelineJobsRequest
    from google.protobuf.field_mask_pb2 import FieldMask

    request = ListPipelineJobsRequest(
        parent=clients.location.parent,
        filter=chosen.expression(),
        order_by="create_time desc",
        page_size=min(limit, _LARGEST_PAGE),
        read_mask=FieldMask(paths=_LISTED),
    )
    while True:
        pager = retried(
            lambda: clients.pipelines.list_pipeline_jobs(request=request, timeout=TIMEOUT),
            PATIENCE_OF_A_READER,
        )
        # The pager itself would fetch the next page without asking again.
        page = next(iter(pager.pages))
        yield from page.pipeline_jobs
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _label_term(key: str, value: str) -> str:
    if not key or any(not _LABEL.fullmatch(text) or text != text.lower() for text in (key, value)):
        raise ConfigError(
            f"label {key}={value}: keys and values of labels hold lowercase letters, digits, "
            "`_` and `-` only"
        )
    return f'labels.{key}="{value}"' if value else f"labels.{key}:*"


def _where(location: Location) -> str:
    return f"project {location.project_id}, region {location.region}"
