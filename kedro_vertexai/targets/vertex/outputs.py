"""What a job of Vertex AI Pipelines has made, as Vertex AI tells."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.outputs import DatasetOutput, JobOutputs

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1 import PipelineServiceClient
    from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail

# gcloud's own setting for another endpoint, as an environment variable:
# https://cloud.google.com/sdk/gcloud/reference/topic/configurations (api_endpoint_overrides)
ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM"
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/create
_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_TIMEOUT = 60.0  # seconds
_REQUEST = re.compile(r"^[A-Z]+ \S+: ")


def vertex_job_outputs(job_id: str, project_id: str, region: str) -> JobOutputs | None:
    """Return what a job has made, or None if there is no such job in the project and region.

    Raises:
        RunError: Vertex AI cannot be asked: no credentials, no permission, no network.
    """
    if not _JOB_ID.fullmatch(job_id):
        return None
    from google.api_core.exceptions import NotFound

    name = f"projects/{project_id}/locations/{region}/pipelineJobs/{job_id}"
    with _errors(project_id, region):
        try:
            job = _client(region).get_pipeline_job(name=name, timeout=_TIMEOUT)
        except NotFound:
            return None
    return JobOutputs(job=job_id, state=_state(job), outputs=tuple(_outputs(job)))


def _client(region: str) -> PipelineServiceClient:
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.aiplatform_v1 import PipelineServiceClient

    endpoint = os.environ.get(ENDPOINT_VARIABLE) or f"{region}-aiplatform.googleapis.com"
    # A token is never sent where everybody can read it.
    is_open = endpoint.startswith("http://")
    return PipelineServiceClient(
        credentials=AnonymousCredentials() if is_open else None,  # type: ignore[no-untyped-call]
        transport="rest",
        client_options=ClientOptions(api_endpoint=endpoint.rstrip("/")),
    )


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


@contextmanager
def _errors(project_id: str, region: str) -> Iterator[None]:
    """One line for whatever keeps Vertex AI from answering.

    Raises:
        RunError: in place of the client's error.
    """
    from google.api_core.exceptions import Forbidden, GoogleAPICallError, Unauthorized
    from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
    from requests import RequestException

    where = f"Vertex AI in project {project_id}, region {region},"
    try:
        yield
    except (DefaultCredentialsError, RefreshError, Unauthorized) as error:
        raise RunError(
            f"{where} cannot be asked without valid credentials: "
            "run `gcloud auth application-default login`"
        ) from error
    except Forbidden as error:
        raise RunError(f"{where} denies permission: {_line(error.message)}") from error
    except (TransportError, RequestException) as error:
        raise RunError(f"{where} cannot be reached: {type(error).__name__}") from error
    except GoogleAPICallError as error:
        raise RunError(f"{where} answers {error.code}: {_line(error.message)}") from error


def _line(text: str | None) -> str:
    """The service's own words, before which the client puts the request."""
    return _REQUEST.sub("", " ".join((text or "").split()))
