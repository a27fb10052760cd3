"""What a job of Vertex AI Pipelines has made, as Vertex AI tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.outputs import DatasetOutput, JobOutputs
from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients, Location
from kedro_vertexai.targets.vertex.errors import google_errors

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/create
_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")


def vertex_job_outputs(job_id: str, project_id: str, region: str) -> JobOutputs | None:
    """Return what a job has made, or None if there is no such job in the project and region.

    Raises:
        RunError: Vertex AI cannot be asked: no credentials, no permission, no network.
    """
    if not _JOB_ID.fullmatch(job_id):
        return None
    from google.api_core.exceptions import NotFound

    location = Location(project_id, region)
    with google_errors(location):
        try:
            job = GoogleClients(location).pipelines.get_pipeline_job(
                name=location.job(job_id), timeout=TIMEOUT
            )
        except NotFound:
            return None
    return JobOutputs(job=job_id, state=_state(job), outputs=tuple(_outputs(job)))


def _state(job: PipelineJob) -> str:
    return str(job.state.name).removeprefix("PIPELINE_STATE_")


def _outputs(job: PipelineJob) -> Iterator[DatasetOutput]:
    """The datasets of the tasks that succeeded, in the order in which they ended."""
    for task in sorted(job.job_detail.task_details, key=_end):
        # What is taken from a cache counts as skipped.
        if task.state.name not in ("SUCCEEDED", "SKIPPED"):
            continue
        for artifacts in task.outputs.values():
            for artifact in artifacts.artifacts:
                output = DatasetOutput.of(artifact.uri, dict(artifact.metadata or {}))
                if output and output.is_persistent:
                    _check_place(output)
                if output:
                    yield output


def _check_place(output: DatasetOutput) -> None:
    """Refuse a place that a job elsewhere cannot have written: who reads it trusts no job."""
    if not output.uri.startswith("gs://"):
        raise RunError(f"dataset '{output.dataset}' is not in Cloud Storage but at '{output.uri}'")


def _end(task: PipelineTaskDetail) -> float:
    moment: Any = task.end_time or task.create_time
    return moment.timestamp() if moment else 0.0
