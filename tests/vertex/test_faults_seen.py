"""What a user sees of each thing that can go wrong between `run-once` and Vertex AI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.auth.credentials import Credentials
from google.cloud.aiplatform_v1 import PipelineServiceClient
from google_service import GoogleService, errors
from project_factory import KedroProject

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.errors import google_errors

CREATE = ("POST", "pipelineJobs$")
# Once each: what passes by itself.
PASSING: dict[str, dict[str, Any]] = {
    "too many requests": {"status": 429},
    "an internal error": {"status": 500},
    "a service that is away": {"status": 503},
    "a service that is away after the job was made": {"status": 503, "after": True},
    "a reset connection after the job was made": {"reset": True, "after": True},
    "an answer that is cut off": {"truncate": True},
    "an answer that is cut off by a proxy": {"shorten": True},
    "an answer that comes late": {"delay": 1.5},
}
LASTING: dict[str, tuple[errors.GoogleError, str]] = {
    "no permission": (
        errors.permission_denied(
            "aiplatform.pipelineJobs.create", "projects/p", "aiplatform.googleapis.com"
        ),
        "--role roles/aiplatform.user`",
    ),
    "an API that is off": (
        errors.service_disabled("aiplatform.googleapis.com", "Vertex AI API", "1"),
        "run `gcloud services enable aiplatform.googleapis.com --project my-project`",
    ),
    "no billing": (
        errors.billing_disabled("1", "aiplatform.googleapis.com"),
        "run `gcloud billing projects link my-project --billing-account ACCOUNT_ID`",
    ),
    "a service account of somebody else": (
        errors.GoogleError(
            403, "You do not have permission to act as service_account: a@b.iam.gserviceaccount.com"
        ),
        "--role roles/iam.serviceAccountUser`",
    ),
    "a quota that is used up": (
        errors.quota_exceeded("1", "europe-west1"),
        "ask for more at https://console.cloud.google.com/iam-admin/quotas?project=my-project",
    ),
    "a region that there is not": (
        errors.invalid("Unsupported region for Vertex AI, select from [...]"),
        "no region of Vertex AI is called europe-west1, https://cloud.google.com/vertex-ai/docs/",
    ),
    "a field that is refused": (
        errors.invalid("Invalid value at 'labels'"),
        "answers 400: Invalid value at 'labels'",
    ),
}


@pytest.fixture
def project(new_project: Callable[..., KedroProject], service: GoogleService) -> KedroProject:
    service.settings.execute = False
    return new_project()


def refusal(project: KedroProject) -> str:
    """The one line of a submission that fails."""
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 1, (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: Vertex AI in project my-project, region europe-west1, ")
    return line


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_by_itself_is_not_seen(
    project: KedroProject, service: GoogleService, fault: str
) -> None:
    met = service.fail(*CREATE, **PASSING[fault])
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert (met.met, len(service.jobs)) == (1, 1)
    assert f"job {service.job().id} submitted" in done.stdout


@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_is_one_line_with_what_mends_it(
    project: KedroProject, service: GoogleService, fault: str
) -> None:
    error, words = LASTING[fault]
    met = service.fail(*CREATE, error=error, times=1000)
    assert words in refusal(project)
    assert (met.met, service.jobs) == (1, [])


def test_a_token_that_has_expired_is_asked_for_anew(
    project: KedroProject, service: GoogleService
) -> None:
    service.tokens = {"another one"}
    assert refusal(project).endswith("run `gcloud auth application-default login`")
    assert service.jobs == []


class OldToken(Credentials):
    """Credentials whose token a new one is like, which happens where the clock is wrong."""

    def refresh(self, request: Any) -> None:
        self.token = "an old one"


@pytest.mark.parametrize(("skew", "words"), [(2, "behind"), (-2, "ahead")])
def test_a_token_that_a_wrong_clock_spoils_is_told_as_that(
    service: GoogleService, clients: GoogleClients, skew: int, words: str
) -> None:
    service.tokens = {"another one"}
    service.clock_skew = timedelta(hours=skew)
    # A server without TLS gets no token of the user's own.
    options = {**clients._vertex_options(), "credentials": OldToken()}
    client = PipelineServiceClient(**options)
    with pytest.raises(RunError) as raised, google_errors(clients.location):
        client.get_pipeline_job(name=clients.location.job("a-job"), retry=None)
    assert str(raised.value).endswith(f"its clock is 120 minutes {words}, set it")


def test_a_token_that_expires_while_a_job_is_followed_leaves_the_job(
    project: KedroProject, service: GoogleService
) -> None:
    respond = service.respond

    def until_the_job_is_there(request: Any) -> Any:
        answer = respond(request)
        if service.jobs:
            service.tokens = {"another one"}
        return answer

    service.listen(until_the_job_is_there)
    done = project.invoke("run-once", "--no-check", "--wait")
    assert done.exit_code == 1
    assert "run `gcloud auth application-default login`" in done.stderr.splitlines()[-1]
    assert f"job {service.job().id} submitted" in done.stdout
    assert service.job().state == "PENDING"


@pytest.mark.slow
def test_an_error_that_lasts_is_told_once_before_it_is_given_up(
    project: KedroProject, service: GoogleService
) -> None:
    service.fail(*CREATE, error=errors.rate_limited(retry_after=6), times=3)
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 0, done.output
    [line] = done.stderr.splitlines()
    assert line.startswith(
        "Warning: Vertex AI in project my-project, region europe-west1, is asked "
    )
    assert line.endswith("it is asked again for up to 3 minutes")
