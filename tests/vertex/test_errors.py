"""Each refusal of Google's, as the service writes it, becomes one line with what mends it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from google.api_core.exceptions import from_http_response
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from requests import ConnectionError as NoConnection
from requests import HTTPError, Request, Response

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import Location
from kedro_vertexai.targets.vertex.errors import explained, google_errors

WHERE = Location("my-project", "europe-west1")
PREFIX = "Vertex AI in project my-project, region europe-west1, "
URL = "https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west1"
NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
YOU = '--member="user:$(gcloud config get account)"'


def answer(
    status: int, body: str, *, content_type: str = "application/json", at: datetime = NOW
) -> Response:
    """A response as `requests` hands it to Google's clients."""
    response = Response()
    response.status_code = status
    response._content = body.encode()
    response.headers["Content-Type"] = content_type
    response.headers["Date"] = format_datetime(at, usegmt=True)
    response.request = Request("POST", f"{URL}/pipelineJobs").prepare()
    return response


def error(code: int, status: str, message: str, reason: str = "", **metadata: str) -> str:
    """A body of https://cloud.google.com/apis/design/errors."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if reason:
        body["details"] = [info]
    return json.dumps({"error": body})


def line(response: Response) -> str:
    text = explained(from_http_response(response), WHERE, now=NOW)
    assert "\n" not in text
    assert text.startswith(PREFIX)
    return text.removeprefix(PREFIX)


CASES = {
    "a permission with its name in the details": (
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Permission 'aiplatform.pipelineJobs.create' denied on resource "
            "'//aiplatform.googleapis.com/projects/my-project/locations/europe-west1' "
            "(or it may not exist).",
            "IAM_PERMISSION_DENIED",
            permission="aiplatform.pipelineJobs.create",
            resource="projects/my-project/locations/europe-west1",
        ),
        (
            "denies permission aiplatform.pipelineJobs.create: run `gcloud projects "
            f"add-iam-policy-binding my-project {YOU} --role roles/aiplatform.user`"
        ),
    ),
    "a permission that only the message names": (
        403,
        error(403, "PERMISSION_DENIED", "Permission 'logging.logEntries.list' denied on resource"),
        (
            "denies permission logging.logEntries.list: run `gcloud projects "
            f"add-iam-policy-binding my-project {YOU} --role roles/logging.viewer`"
        ),
    ),
    "a refusal that names no permission": (
        403,
        error(403, "PERMISSION_DENIED", "The caller does not have permission"),
        "denies permission: The caller does not have permission",
    ),
    "an API that is not enabled": (
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Vertex AI API has not been used in project 123 before or it is disabled. Enable it "
            "by visiting https://console.developers.google.com/apis/api/... then retry.",
            "SERVICE_DISABLED",
            service="aiplatform.googleapis.com",
            consumer="projects/123",
        ),
        (
            "is not there: aiplatform.googleapis.com is not enabled, "
            "run `gcloud services enable aiplatform.googleapis.com --project my-project`"
        ),
    ),
    "no billing": (
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "This API method requires billing to be enabled. Please enable billing on project "
            "#my-project by visiting https://console.developers.google.com/billing/enable",
            "BILLING_DISABLED",
            consumer="projects/my-project",
        ),
        (
            "does nothing without billing: "
            "run `gcloud billing projects link my-project --billing-account ACCOUNT_ID`"
        ),
    ),
    "a service account that one may not act as": (
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "You do not have permission to act as service_account: "
            "train@my-project.iam.gserviceaccount.com. (or it may not exist).",
        ),
        (
            "does not let you run a job as train@my-project.iam.gserviceaccount.com "
            "(iam.serviceAccounts.actAs): run `gcloud iam service-accounts add-iam-policy-binding "
            f"train@my-project.iam.gserviceaccount.com --project my-project {YOU} "
            "--role roles/iam.serviceAccountUser`"
        ),
    ),
    "too many requests": (
        429,
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Pipeline job submissions' and limit 'per minute'",
            "RATE_LIMIT_EXCEEDED",
            quota_metric="aiplatform.googleapis.com/pipeline_job_submissions",
            quota_limit_value="60",
        ),
        (
            "is asked too often: aiplatform.googleapis.com/pipeline_job_submissions is limited to "
            "60; try again in a minute"
        ),
    ),
    "a quota that is used up": (
        429,
        error(429, "RESOURCE_EXHAUSTED", "The following quota metrics exceed quota limits: x"),
        (
            "has no quota left: The following quota metrics exceed quota limits: x; ask for more "
            "at https://console.cloud.google.com/iam-admin/quotas?project=my-project"
        ),
    ),
    "a region of which Vertex AI says that there is none": (
        400,
        error(400, "INVALID_ARGUMENT", "Unsupported region for Vertex AI, select from {...}"),
        (
            "is not there: no region of Vertex AI is called europe-west1, "
            "https://cloud.google.com/vertex-ai/docs/general/locations lists them"
        ),
    ),
    "an expired token": (
        401,
        error(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token",
            "ACCESS_TOKEN_EXPIRED",
            service="aiplatform.googleapis.com",
        ),
        "cannot be asked without valid credentials: run `gcloud auth application-default login`",
    ),
    "anything else": (
        400,
        error(400, "INVALID_ARGUMENT", "Invalid value at 'pipeline_job.labels'\n (TYPE_STRING)"),
        "answers 400: Invalid value at 'pipeline_job.labels' (TYPE_STRING)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_says_what_mends_it(case: str) -> None:
    status, body, expected = CASES[case]
    assert line(answer(status, body)) == expected


def test_a_web_page_instead_of_an_api_is_a_region_that_is_not_there() -> None:
    page = "<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title></html>"
    text = line(answer(404, page, content_type="text/html; charset=UTF-8"))
    assert text.startswith("is not there: no region of Vertex AI is called europe-west1")


def test_a_web_page_of_a_proxy_is_told_without_its_marks() -> None:
    page = "<html><style>p {}</style><h1>Bad Gateway</h1>\n<p>try later</p></html>"
    assert line(answer(502, page, content_type="text/html")) == "answers 502: Bad Gateway try later"


@pytest.mark.parametrize(("minutes", "word"), [(12, "ahead"), (-90, "behind")])
def test_a_token_refused_by_a_clock_that_is_wrong(minutes: int, word: str) -> None:
    body = error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    text = line(answer(401, body, at=NOW - timedelta(minutes=minutes)))
    assert text == (
        f"takes no token of this machine: its clock is {abs(minutes)} minutes {word}, set it"
    )


def test_a_signed_token_refused_by_a_clock_that_is_wrong() -> None:
    cause = RefreshError(
        "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
        "reasonable timeframe. Check your iat and exp values in the JWT claim."
    )
    assert explained(cause, WHERE).removeprefix(PREFIX) == (
        "takes no token of this machine: its clock is wrong, set it"
    )


@pytest.mark.parametrize(
    "cause",
    [
        RefreshError("invalid_grant: Token has been expired or revoked."),
        DefaultCredentialsError("Your default credentials were not found."),
    ],
)
def test_no_credentials(cause: Exception) -> None:
    assert "run `gcloud auth application-default login`" in explained(cause, WHERE)


def test_an_address_that_nobody_knows() -> None:
    cause = NoConnection("NameResolutionError(\"Failed to resolve 'x-aiplatform.googleapis.com'\")")
    text = explained(cause, WHERE)
    assert "no network, or no region europe-west1" in text


def test_an_error_of_a_service_without_client_is_read_alike() -> None:
    status, body, _ = CASES["a permission that only the message names"]
    response = answer(status, body)
    text = explained(HTTPError(response=response), WHERE, "Cloud Logging")
    assert text.startswith("Cloud Logging in project my-project")
    assert "roles/logging.viewer" in text


def test_a_long_message_is_cut() -> None:
    assert len(line(answer(400, error(400, "INVALID_ARGUMENT", "x" * 5000)))) < 450


def test_a_project_is_quoted_in_a_command() -> None:
    _, body, _ = CASES["an API that is not enabled"]
    text = explained(from_http_response(answer(403, body)), Location("a; b", "europe-west1"))
    assert text.endswith("--project 'a; b'`")


def test_the_user_gets_the_line_and_no_traceback() -> None:
    response = answer(403, CASES["no billing"][1])
    with pytest.raises(RunError, match="without billing"), google_errors(WHERE):
        raise from_http_response(response)
