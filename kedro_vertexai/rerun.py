"""`kedro vertexai rerun`: a job of Vertex AI once more, with its own spec and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.job_values import changed_values
from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.job_record import JobRecord, job_record
from kedro_vertexai.targets.vertex.jobs import find_message
from kedro_vertexai.targets.vertex.names import PIPELINE_LABEL, new_job_id
from kedro_vertexai.targets.vertex.rerun import request_again, spec_of, values_of

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob


@dataclass(frozen=True)
class Again:
    """A job that is to run once more.

    Args:
        of: the id of the job that it repeats.
        id: its own.
        job: what is asked for.
        notes: what the user should know of the new values.
    """

    of: str
    id: str
    job: PipelineJob
    notes: tuple[str, ...] = ()


def prepare(jobs: JobsOfProject, text: str, given: Mapping[str, Any]) -> Again:
    """Read a job and check the new parameter values against its spec. Nothing is sent.

    Args:
        jobs: of the project.
        text: the job, see `find_job`.
        given: nested parameter values.

    Raises:
        VertexAIError: there is no such job, or its spec does not take these values.
    """
    message = find_message(jobs.clients, text, jobs.label)
    record = job_record(message)
    spec = spec_of(message)
    changed = changed_values(spec, values_of(message), given)
    return Again(
        of=record.id,
        id=new_job_id(_name(record, spec)),
        job=request_again(message, changed.values),
        notes=changed.notes,
    )


def submit(jobs: JobsOfProject, again: Again) -> JobRecord:
    """Send a prepared job.

    Raises:
        RunError: Vertex AI refuses, or cannot be asked.
    """
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest

    from kedro_vertexai.targets.vertex.submit import submit_job

    request = CreatePipelineJobRequest(
        parent=jobs.clients.location.parent, pipeline_job=again.job, pipeline_job_id=again.id
    )
    with google_errors(jobs.clients.location):
        return job_record(submit_job(jobs.clients, request))


def _name(record: JobRecord, spec: Mapping[str, Any]) -> str:
    """What the id begins with: the spec's own name, which says project and pipeline."""
    name = spec.get("pipelineInfo", {}).get("name")
    return str(name or record.labels.get(PIPELINE_LABEL) or record.display_name)
