"""`kedro vertexai rerun`: a job of Vertex AI once more, with its own spec and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.job_values import changed_values
from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.preflight_command import check_subject, used_apis
from kedro_vertexai.run_vertex import VertexOptions, launch, print_request
from kedro_vertexai.targets.vertex.job_record import JobRecord, job_record
from kedro_vertexai.targets.vertex.jobs import find_message
from kedro_vertexai.targets.vertex.names import PIPELINE_LABEL, new_job_id
from kedro_vertexai.targets.vertex.preflight import Subject
from kedro_vertexai.targets.vertex.rerun import request_again, spec_of, values_of
from kedro_vertexai.targets.vertex.spec_tasks import task_titles

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest


@dataclass(frozen=True)
class Again:
    """A job that is to run once more.

    Args:
        of: the id of the job that it repeats.
        create: asks for it, under an id of its own.
        spec: its pipeline spec, as plain data.
        notes: what the user should know of the new values.
    """

    of: str
    create: CreatePipelineJobRequest
    spec: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its own."""
        return str(self.create.pipeline_job_id)


def prepare(jobs: JobsOfProject, text: str, given: Mapping[str, Any]) -> Again:
    """Read a job and check the new parameter values against its spec. Nothing is sent.

    Args:
        jobs: of the project.
        text: the job, see `find_job`.
        given: nested parameter values.

    Raises:
        VertexAIError: there is no such job, or its spec does not take these values.
    """
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest

    message = find_message(jobs.clients, text, jobs.label)
    record = job_record(message)
    spec = spec_of(message)
    changed = changed_values(spec, values_of(message), given)
    create = CreatePipelineJobRequest(
        parent=jobs.clients.location.parent,
        pipeline_job=request_again(message, changed.values),
        pipeline_job_id=new_job_id(_name(record, spec)),
    )
    return Again(record.id, create, spec, changed.notes)


def rerun(jobs: JobsOfProject, again: Again, options: VertexOptions) -> int:
    """Check a prepared job, submit it, and follow it, as the options say; return the exit code.

    Raises:
        RunError: something would keep the job from running, or Vertex AI refuses it.
    """
    if options.dry_run:
        return print_request(again.create)
    if options.check:
        check_subject(jobs.clients, _subject(jobs, again))
    titles = task_titles(again.spec)
    return launch(jobs, again.create, options, titles=titles, expected=tuple(titles))


def _subject(jobs: JobsOfProject, again: Again) -> Subject:
    """The job as it is sent: what `vertexai.yml` says by now is not what it has."""
    job = again.create.pipeline_job
    return Subject(
        spec=again.spec,
        root=job.runtime_config.gcs_output_directory,
        service_account=job.service_account,
        values=values_of(job),
        labels=dict(job.labels),
        display_name=job.display_name,
        apis=used_apis(jobs.config.run_config),
    )


def _name(record: JobRecord, spec: Mapping[str, Any]) -> str:
    """What the id begins with: the spec's own name, which says project and pipeline."""
    name = spec.get("pipelineInfo", {}).get("name")
    return str(name or record.labels.get(PIPELINE_LABEL) or record.display_name)
