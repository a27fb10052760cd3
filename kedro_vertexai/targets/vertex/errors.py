"""What Google answers instead of doing what it was asked, in one line with what mends it.

How errors are written: https://cloud.google.com/apis/design/errors and
https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto (ErrorInfo).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import Location
from kedro_vertexai.targets.vertex.retry import unknown_host, used_up

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_REQUEST = re.compile(r"^[A-Z]+ \S+: ")
_TAG = re.compile(r"<(style|script).*?</\1>|<[^>]*>", re.DOTALL)
_VERTEX = "aiplatform.googleapis.com"
_LONGEST = 400  # characters of the service's own words
_LOGIN = "run `gcloud auth application-default login`"
# In a shell, the account that gcloud is logged in as.
_YOU = '--member="user:$(gcloud config get account)"'
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_SERVICE = re.compile(r"\b[a-z]+\.googleapis\.com\b")
_PERMISSION = re.compile(r"\b[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+\b")

# The smallest predefined role that has what we ask for, by the beginning of a permission:
# https://cloud.google.com/iam/docs/understanding-roles
_ROLES = {
    "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
    "aiplatform.": "roles/aiplatform.user",
    "storage.buckets.": "roles/storage.admin",
    "storage.": "roles/storage.objectUser",
    "cloudbuild.": "roles/cloudbuild.builds.editor",
    "artifactregistry.": "roles/artifactregistry.writer",
    "logging.": "roles/logging.viewer",
    "serviceusage.": "roles/serviceusage.serviceUsageConsumer",
    "cloudkms.": "roles/cloudkms.cryptoKeyEncrypterDecrypter",
    "compute.": "roles/compute.networkUser",
    "iam.": "roles/iam.serviceAccountViewer",
}
# Google takes a token whose times are this far off: google.auth._helpers.REFRESH_THRESHOLD and
# the message of its token service, "in a reasonable timeframe".
_MOST_SKEW = 300  # seconds
_SKEWED = re.compile(r"iat and exp|reasonable timeframe|Token used too early", re.IGNORECASE)
_NOT_THERE = re.compile(r"(unsupported|invalid|unknown) (region|location)", re.IGNORECASE)
_RATE = re.compile(r"per (minute|second)", re.IGNORECASE)
_NO_BILLING = re.compile(r"requires billing|billing (is|has been) disabled|billing account")
_NO_API = re.compile(r"has not been used in project|it is disabled", re.IGNORECASE)
_NOT_AS = re.compile(
    r"iam\.serviceAccounts\.actAs|permission to act as service.?account", re.IGNORECASE
)


@contextmanager
def google_errors(location: Location, service: str = "Vertex AI") -> Iterator[None]:
    """One line for whatever keeps a Google service from answering.

    Args:
        location: where it is asked.
        service: its name.

    Raises:
        RunError: in place of the client's error.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.protobuf.json_format import ParseError
    from requests import RequestException

    try:
        yield
    except (GoogleAPICallError, GoogleAuthError, RequestException, ParseError) as error:
        raise RunError(explained(error, location, service)) from error


def explained(
    error: Exception,
    location: Location,
    service: str = "Vertex AI",
    now: datetime | None = None,
) -> str:
    """What an error of a client means, in one line.

    Args:
        error: as the client raises it.
        location: where it was asked.
        service: which one was asked.
        now: the time, for tests.
    """
    from google.api_core.exceptions import GoogleAPICallError, from_http_response
    from google.auth.exceptions import DefaultCredentialsError, RefreshError
    from requests import HTTPError

    where = f"{service} in project {location.project_id}, region {location.region},"
    if isinstance(error, HTTPError) and error.response is not None:
        error = from_http_response(error.response)  # type: ignore[no-untyped-call]
    if isinstance(error, GoogleAPICallError):
        return f"{where} {_answer(_Answer(error, location, now or datetime.now(timezone.utc)))}"
    if isinstance(error, (DefaultCredentialsError, RefreshError)):
        return f"{where} {no_token(error)}"
    if unknown_host(error):
        return (
            f"{where} cannot be reached: its address is not known, so there is no network, "
            f"or no region {location.region} (run `gcloud compute regions list`)"
        )
    return f"{where} cannot be reached: {type(error).__name__}"


def no_token(error: Exception | None = None) -> str:
    """What comes of a request without a token: the end of a line that begins with the service.

    Args:
        error: of google-auth; None where the service has answered that there is no valid one.
    """
    if _has_wrong_clock(error):
        return "takes no token of this machine: its clock is wrong, set it"
    return f"cannot be asked without valid credentials: {_LOGIN}"


def why_no_token(error: Exception | None = None) -> str:
    """The same where the service has been named already.

    Args:
        error: see `no_token`.
    """
    if _has_wrong_clock(error):
        return "no token for this machine: its clock is wrong, set it"
    return f"no valid credentials, {_LOGIN}"


def _has_wrong_clock(error: Exception | None) -> bool:
    """Whether no token can be had because this machine's clock is wrong."""
    from google.auth.exceptions import RefreshError

    return isinstance(error, RefreshError) and bool(_SKEWED.search(str(error)))


@dataclass(frozen=True)
class _Answer:
    """An error of the service, taken apart."""

    error: GoogleAPICallError
    location: Location
    now: datetime

    @cached_property
    def words(self) -> str:
        return _line(self.error.message)

    @property
    def reason(self) -> str:
        return self.error.reason or ""

    @property
    def info(self) -> Mapping[str, str]:
        return self.error.metadata or {}

    @property
    def permission(self) -> str:
        return self.info.get("permission") or _first(_PERMISSION, self.words)

    @property
    def project(self) -> str:
        """The project as a word of a command."""
        return shlex.quote(self.location.project_id)

    @property
    def headers(self) -> Mapping[str, str]:
        return getattr(self.error.response, "headers", None) or {}


def _answer(answer: _Answer) -> str:
    """What follows the name of the service: the first explanation that fits."""
    explanations = (
        _api_disabled, _no_billing, _unauthenticated, _may_not_act_as, _denied, _no_quota,
        _elsewhere,
    )  # fmt: skip
    found = (explanation(answer) for explanation in explanations)
    return next(filter(None, found), f"answers {answer.error.code}: {answer.words}")


def _api_disabled(answer: _Answer) -> str:
    if answer.reason != "SERVICE_DISABLED" and not _NO_API.search(answer.words):
        return ""
    api = answer.info.get("service") or _first(_SERVICE, answer.words) or _VERTEX
    return (
        f"is not there: {api} is not enabled, "
        f"run `gcloud services enable {shlex.quote(api)} --project {answer.project}`"
    )


def _no_billing(answer: _Answer) -> str:
    if answer.reason != "BILLING_DISABLED" and not _NO_BILLING.search(answer.words):
        return ""
    return (
        "does nothing without billing: "
        f"run `gcloud billing projects link {answer.project} --billing-account ACCOUNT_ID`"
    )


def _unauthenticated(answer: _Answer) -> str:
    if answer.error.code != HTTPStatus.UNAUTHORIZED:
        return ""
    if skew := _clock_skew(answer):
        ahead = "ahead" if skew > 0 else "behind"
        return (
            f"takes no token of this machine: its clock is {abs(skew) / 60:.0f} minutes {ahead}, "
            "set it"
        )
    return no_token()


def _clock_skew(answer: _Answer) -> float:
    """Seconds by which this machine's clock is ahead of the service's; 0 if about right."""
    try:
        there = parsedate_to_datetime(str(answer.headers.get("Date", "")))
    except ValueError:
        return 0
    if there.tzinfo is None:
        there = there.replace(tzinfo=timezone.utc)
    skew = (answer.now - there).total_seconds()
    return skew if abs(skew) > _MOST_SKEW else 0


def _may_not_act_as(answer: _Answer) -> str:
    if not _NOT_AS.search(f"{answer.words} {answer.permission}"):
        return ""
    account = shlex.quote(_first(_EMAIL, answer.words) or "SERVICE_ACCOUNT")
    return (
        f"does not let you run a job as {account} (iam.serviceAccounts.actAs): "
        f"run `gcloud iam service-accounts add-iam-policy-binding {account} "
        f"--project {answer.project} {_YOU} --role roles/iam.serviceAccountUser`"
    )


def _denied(answer: _Answer) -> str:
    if answer.error.code != HTTPStatus.FORBIDDEN:
        return ""
    permission = answer.permission
    role = next((role for start, role in _ROLES.items() if permission.startswith(start)), "")
    if not role:
        return f"denies permission: {answer.words}"
    return (
        f"denies permission {permission}: run `gcloud projects add-iam-policy-binding "
        f"{answer.project} {_YOU} --role {role}`"
    )


def _no_quota(answer: _Answer) -> str:
    if answer.error.code != HTTPStatus.TOO_MANY_REQUESTS:
        return ""
    metric, limit = (answer.info.get(key) for key in ("quota_metric", "quota_limit_value"))
    what = f"{metric} is limited to {limit}" if limit and metric else answer.words
    is_rate = answer.reason == "RATE_LIMIT_EXCEEDED" or _RATE.search(answer.words)
    if is_rate and not used_up(answer.error):
        return f"is asked too often: {what}; try again in a minute"
    page = f"https://console.cloud.google.com/iam-admin/quotas?project={answer.location.project_id}"
    return f"has no quota left: {what}; ask for more at {page}"


def _elsewhere(answer: _Answer) -> str:
    """Where nobody answers for such a region, a web server does, and its page is no JSON."""
    is_page = str(answer.headers.get("Content-Type", "")).startswith("text/html")
    nobody = is_page and answer.error.code == HTTPStatus.NOT_FOUND
    if not nobody and not _NOT_THERE.search(answer.words):
        return ""
    return (
        f"is not there: no region of Vertex AI is called {answer.location.region}, "
        "https://cloud.google.com/vertex-ai/docs/general/locations lists them"
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group() if match else ""


def _line(text: str | None) -> str:
    """The service's own words, before which the client puts the request."""
    words = _REQUEST.sub("", " ".join((text or "").split()))
    if words.startswith("<"):
        words = " ".join(_TAG.sub(" ", words).split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
