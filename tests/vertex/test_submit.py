"""A job is made once, whatever becomes of the requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Forbidden,
    ServiceUnavailable,
    TooManyRequests,
)
from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest
from google_service import GoogleService, errors
from project_factory import KedroProject

from kedro_vertexai.job_request import job_request
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.request import create_request
from kedro_vertexai.targets.vertex.retry import Patience
from kedro_vertexai.targets.vertex.submit import submit_job

CREATE, GET = "pipelineJobs$", "pipelineJobs/"
SOON = Patience(total=20, first=0.01, longest=0.05)
GIVING_UP = Patience(total=0.2, first=0.01, longest=0.05)

FAULTS: dict[str, dict[str, Any]] = {
    "too many requests": {"status": 429},
    "an internal error": {"status": 500},
    "a bad gateway": {"status": 502},
    "a service that is away": {"status": 503},
    "an internal error after the job was made": {"status": 500, "after": True},
    "a service that is away after the job was made": {"status": 503, "after": True},
    "a reset connection": {"reset": True},
    "a reset connection after the job was made": {"reset": True, "after": True},
    "an answer that is cut off": {"truncate": True},
    "an answer that is cut off by a proxy": {"shorten": True},
}


@pytest.fixture
def request_for_a_job(
    new_project: Callable[..., KedroProject], service: GoogleService, clients: GoogleClients
) -> CreatePipelineJobRequest:
    service.settings.execute = False
    return create_request(clients.location, "a-job", job_request(new_project().compile()))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_passes_by_itself_is_waited_out_and_makes_one_job(
    service: GoogleService,
    clients: GoogleClients,
    request_for_a_job: CreatePipelineJobRequest,
    fault: str,
) -> None:
    met = service.fail("POST", CREATE, times=2, **FAULTS[fault])
    job = submit_job(clients, request_for_a_job, SOON)
    assert job.name.endswith("/pipelineJobs/a-job")
    assert [made.id for made in service.jobs] == ["a-job"]
    assert met.met >= 1


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "too many requests"])
def test_a_job_is_looked_up_before_it_is_sent_again(
    service: GoogleService,
    clients: GoogleClients,
    request_for_a_job: CreatePipelineJobRequest,
    fault: str,
) -> None:
    service.fail("POST", CREATE, **FAULTS[fault])
    submit_job(clients, request_for_a_job, SOON)
    methods = [asked.method for asked in service.requests]
    assert methods[:2] == ["POST", "GET"]


def test_a_job_that_was_made_is_not_sent_again(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    service.fail("POST", CREATE, reset=True, after=True)
    submit_job(clients, request_for_a_job, SOON)
    assert len(service.asked("POST", CREATE)) == 1


def test_an_answer_that_comes_too_late_makes_no_second_job(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    service.fail("POST", CREATE, delay=3)
    hasty = GoogleClients(clients.location, timeout=1)
    job = submit_job(hasty, request_for_a_job, SOON)
    assert job.name.endswith("/pipelineJobs/a-job")
    assert [made.id for made in service.jobs] == ["a-job"]
    assert [asked.method for asked in service.requests][:1] == ["POST"]
    assert len(service.asked("POST", CREATE)) == 1


def test_an_id_that_is_there_is_this_job(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    first = submit_job(clients, request_for_a_job, SOON)
    assert submit_job(clients, request_for_a_job, SOON).name == first.name
    assert len(service.jobs) == 1


def test_a_look_that_fails_too_is_made_again(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    service.fail("POST", CREATE, reset=True, after=True)
    service.fail("GET", GET, status=503, times=3)
    submit_job(clients, request_for_a_job, SOON)
    assert len(service.jobs) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [(errors.plain(400), BadRequest), (errors.plain(403), Forbidden)],
)
def test_a_refusal_is_final(
    service: GoogleService,
    clients: GoogleClients,
    request_for_a_job: CreatePipelineJobRequest,
    error: errors.GoogleError,
    expected: type[Exception],
) -> None:
    service.fail("POST", CREATE, error=error)
    with pytest.raises(expected):
        submit_job(clients, request_for_a_job, SOON)
    assert len(service.requests) == 1
    assert service.jobs == []


def test_a_service_that_asks_for_more_time_than_there_is_is_not_asked_sooner(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    # Half a minute: `SOON` has less than that, and would have asked a hundred times.
    service.fail("POST", CREATE, error=errors.rate_limited(retry_after=30), times=2)
    with pytest.raises(TooManyRequests):
        submit_job(clients, request_for_a_job, SOON)
    assert len(service.requests) == 1


def test_a_service_that_stays_away_is_given_up(
    service: GoogleService, clients: GoogleClients, request_for_a_job: CreatePipelineJobRequest
) -> None:
    service.fail("*", "pipelineJobs", status=503, times=1000)
    with pytest.raises(ServiceUnavailable):
        submit_job(clients, request_for_a_job, GIVING_UP)
    assert service.jobs == []
