"""What the test service can let go wrong, each kind seen by the real client."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from cloud_storage import Bucket
from google.api_core.exceptions import (
    Conflict,
    Forbidden,
    GoogleAPICallError,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from google.cloud.aiplatform_v1.types import Context, PipelineJob
from google_service import GoogleService, errors
from submitting import new_job, submit

from kedro_vertexai.targets.vertex.client import GoogleClients

CREATE = ("POST", "pipelineJobs$")


@pytest.fixture
def job(new_project: Any, service: GoogleService, bucket: Bucket) -> PipelineJob:
    service.settings.execute = False
    return new_job(new_project(), bucket)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, TooManyRequests), (500, InternalServerError), (503, ServiceUnavailable)],
)
def test_an_error_is_answered_so_many_times_and_nothing_is_made(
    service: GoogleService,
    clients: GoogleClients,
    job: PipelineJob,
    status: int,
    kind: type[GoogleAPICallError],
) -> None:
    fault = service.fail(*CREATE, status=status, times=2)
    for _ in range(2):
        with pytest.raises(kind):
            submit(clients, job)
    assert service.jobs == []
    submit(clients, job)
    assert fault.met == 2
    assert [asked.answered for asked in service.asked(*CREATE)] == [status, status, 200]


def test_a_rate_limit_says_when_to_come_back(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    service.fail(*CREATE, error=errors.rate_limited(retry_after=7))
    with pytest.raises(TooManyRequests) as caught:
        submit(clients, job)
    assert caught.value.response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (
            errors.permission_denied("aiplatform.pipelineJobs.create", "projects/p", "a.b.com"),
            Forbidden,
            "IAM_PERMISSION_DENIED",
        ),
        (errors.service_disabled("a.b.com", "The API", "1"), Forbidden, "SERVICE_DISABLED"),
        (errors.billing_disabled("1", "a.b.com"), Forbidden, "BILLING_DISABLED"),
        (errors.quota_exceeded("1", "europe-west1"), TooManyRequests, "RATE_LIMIT_EXCEEDED"),
    ],
    ids=["permission", "api", "billing", "quota"],
)
def test_a_refusal_carries_its_reason(
    service: GoogleService,
    clients: GoogleClients,
    job: PipelineJob,
    error: errors.GoogleError,
    kind: type[GoogleAPICallError],
    reason: str,
) -> None:
    service.fail(*CREATE, error=error)
    with pytest.raises(kind) as caught:
        submit(clients, job)
    reasons = [detail.get("reason") for detail in caught.value.details]
    assert reason in reasons


@pytest.mark.parametrize("how", [{"reset": True}, {"truncate": True}, {"status": 503}])
def test_a_job_may_be_made_though_the_client_is_not_told(
    service: GoogleService, clients: GoogleClients, job: PipelineJob, how: dict[str, Any]
) -> None:
    service.fail(*CREATE, after=True, **how)
    with pytest.raises((requests.RequestException, ServiceUnavailable)):
        submit(clients, job)
    assert [one.id for one in service.jobs] == ["a-job"]
    with pytest.raises(Conflict):
        submit(clients, job)


def test_a_connection_may_be_reset_before_anything_is_done(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    service.fail(*CREATE, reset=True)
    with pytest.raises(requests.ConnectionError):
        submit(clients, job)
    assert service.jobs == []


def test_an_answer_may_come_too_late(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    service.fail(*CREATE, delay=3)
    with pytest.raises(requests.Timeout):
        clients.pipelines.create_pipeline_job(
            parent=clients.location.parent, pipeline_job=job, pipeline_job_id="a-job", timeout=0.3
        )


def test_only_accepted_tokens_are_let_in(service: GoogleService) -> None:
    service.tokens = {"good"}
    url = f"{service.url}/v1/projects/my-project/locations/europe-west1/pipelineJobs"
    answers = [
        requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        for token in ("good", "old")
    ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert requests.get(url, timeout=30).json()["error"]["status"] == "UNAUTHENTICATED"


def test_the_clock_of_the_service_may_be_another(service: GoogleService) -> None:
    service.clock_skew = timedelta(hours=2)
    answer = requests.get(f"{service.url}/v1/nothing", timeout=30)
    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(timezone.utc)
    assert timedelta(hours=1, minutes=50) < ahead < timedelta(hours=2, minutes=10)


def test_an_experiment_is_a_context_of_which_runs_are_children(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    from google.cloud.aiplatform_v1 import MetadataServiceClient

    client = MetadataServiceClient(**clients._vertex_options())
    store = f"{clients.location.parent}/metadataStores/default"
    with pytest.raises(NotFound):
        client.get_context(name=f"{store}/contexts/my-experiment")
    experiment = client.create_context(
        parent=store,
        context=Context(display_name="Mine", schema_title="system.Experiment"),
        context_id="my-experiment",
    )
    submit(clients, job)
    service.job().start()
    run = service.job().message().job_detail.pipeline_run_context.name
    client.add_context_children(context=experiment.name, child_contexts=[run])
    assert experiment.name in client.get_context(name=run).parent_contexts
    found = client.list_contexts(
        request={"parent": store, "filter": 'schema_title="system.Experiment"'}
    )
    assert [context.display_name for context in found] == ["Mine"]
