"""Creates a job once, whatever becomes of the requests.

The id is chosen before the first request and the service takes each id once, so whatever is sent
again can make no second job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.field_mask import Metadata
from kedro_vertexai.targets.vertex.retry import Patience, refused, retried, transient

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest, PipelineJob


def submit_job(
    clients: GoogleClients,
    request: CreatePipelineJobRequest,
    patience: Patience | None = None,
    told: Callable[[Exception], None] | None = None,
) -> PipelineJob:
    """Return the job that the request asks for, made now or by a request whose answer was lost.

    Args:
        clients: of the request's project and region.
        request: with an id that no other job has.
        patience: how long transient errors are waited out.
        told: hears of an error that lasts, each time.

    Raises:
        Exception: the client's, for `google_errors`: the service refuses, or cannot be reached.
    """
    from google.api_core.exceptions import Conflict

    job_id = request.pipeline_job_id

    def created() -> PipelineJob:
        try:
            return clients.pipelines.create_pipeline_job(
                request, retry=None, timeout=clients.timeout
            )
        except Conflict:
            # Only ours has this id: an earlier request was heard though its answer was lost.
            return get_job(clients, job_id)
        except Exception as error:
            if not transient(error) or refused(error):
                raise
            job = find_job(clients, job_id, patience, told)
            if job is None:
                raise
            return job

    return retried(created, patience, told)


def get_job(clients: GoogleClients, job_id: str, mask: Metadata = ()) -> PipelineJob:
    """Ask for a job once, for the fields of a mask or for all.

    Raises:
        Exception: the client's.
    """
    return clients.pipelines.get_pipeline_job(
        name=clients.location.job(job_id), retry=None, timeout=clients.timeout, metadata=mask
    )


def find_job(
    clients: GoogleClients,
    job_id: str,
    patience: Patience | None = None,
    told: Callable[[Exception], None] | None = None,
) -> PipelineJob | None:
    """Return a job, or None if there is none of that id.

    Raises:
        Exception: the client's.
    """
    from google.api_core.exceptions import NotFound

    try:
        return retried(lambda: get_job(clients, job_id), patience, told)
    except NotFound:
        return None
