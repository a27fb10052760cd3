"""Cancels a job, and waits until a job has ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.job_record import JobRecord
from kedro_vertexai.targets.vertex.jobs import get_job
from kedro_vertexai.targets.vertex.retry import PATIENCE_OF_A_READER, retried

# Seconds between two looks at a job.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


def cancel_job(clients: GoogleClients, job_id: str) -> None:
    """Ask Vertex AI to cancel a job, which it then does in its own time.

    A request whose answer is lost is sent again: the job may have been cancelled by then.

    Raises:
        RunError: Vertex AI refuses, or cannot be asked.
    """
    from google.api_core.exceptions import BadRequest

    name = clients.location.job(job_id)
    with google_errors(clients.location):
        try:
            retried(
                lambda: clients.pipelines.cancel_pipeline_job(name=name, timeout=TIMEOUT),
                PATIENCE_OF_A_READER,
            )
        except BadRequest:
            # FAILED_PRECONDITION: it has ended, by our first request or by itself.
            if not get_job(clients, job_id).has_ended:
                raise


def wait_for_end(
    clients: GoogleClients, job_id: str, pause: Callable[[float], None] = time.sleep
) -> JobRecord:
    """The job when it has ended, its exit handler too.

    Raises:
        RunError: Vertex AI cannot be asked.
    """
    seconds = _FIRST_PAUSE
    while not (job := get_job(clients, job_id)).has_ended:
        pause(seconds)
        seconds = min(seconds * 1.5, _LONGEST_PAUSE)
    return job
