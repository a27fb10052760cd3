"""Errors as Google's services write them.

https://cloud.google.com/apis/design/errors and google/rpc/error_details.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The canonical status of each HTTP status: google/rpc/code.proto
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TYPE = "type.googleapis.com/google.rpc."


class GoogleError(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        code: int,
        message: str,
        *details: Mapping[str, Any],
        status: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})
        error: dict[str, Any] = {
            "code": code,
            "message": message,
            "status": status or STATUS.get(code, "UNKNOWN"),
        }
        if details:
            error["details"] = [dict(detail) for detail in details]
        self.body = {"error": error}


def error_info(
    reason: str, domain: str = "googleapis.com", metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The detail that names the reason in a form for programs."""
    detail = {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": domain}
    return {**detail, "metadata": dict(metadata)} if metadata else detail


def bad_request(field: str, description: str) -> dict[str, Any]:
    """The detail that names a field of the request."""
    violation = (
        {"field": field, "description": description} if field else {"description": description}
    )
    return {"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]}


def help_link(description: str, url: str) -> dict[str, Any]:
    """The detail that links to a page of the console."""
    return {"@type": f"{_TYPE}Help", "links": [{"description": description, "url": url}]}


def invalid(message: str, field: str = "") -> GoogleError:
    """400: the request cannot be right, whatever the state of the system."""
    details = (bad_request(field, message),) if field else ()
    return GoogleError(400, message, *details)


def failed_precondition(message: str) -> GoogleError:
    """400: the system is in a state that does not allow it."""
    return GoogleError(400, message, status="FAILED_PRECONDITION")


def not_found(message: str) -> GoogleError:
    return GoogleError(404, message)


def permission_denied(permission: str, resource: str, service: str) -> GoogleError:
    """403 for want of a permission; `resource` is the name after the service."""
    return GoogleError(
        403,
        f"Permission '{permission}' denied on resource '//{service}/{resource}' "
        "(or it may not exist).",
        error_info(
            "IAM_PERMISSION_DENIED", service, {"permission": permission, "resource": resource}
        ),
    )


def service_disabled(api: str, title: str, project_number: str) -> GoogleError:
    """403: the project has not enabled the API."""
    url = f"https://console.developers.google.com/apis/api/{api}/overview?project={project_number}"
    return GoogleError(
        403,
        f"{title} has not been used in project {project_number} before or it is disabled. Enable "
        f"it by visiting {url} then retry. If you enabled this API recently, wait a few minutes "
        "for the action to propagate to our systems and retry.",
        help_link("Google developers console API activation", url),
        error_info(
            "SERVICE_DISABLED",
            metadata={"service": api, "consumer": f"projects/{project_number}"},
        ),
    )


def billing_disabled(project_number: str, api: str) -> GoogleError:
    """403: nobody pays for the project."""
    url = f"https://console.developers.google.com/billing/enable?project={project_number}"
    return GoogleError(
        403,
        f"This API method requires billing to be enabled. Please enable billing on project "
        f"#{project_number} by visiting {url} then retry. If you enabled billing for this project "
        "recently, wait a few minutes for the action to propagate to our systems and retry.",
        help_link("Google developers console billing", url),
        error_info(
            "BILLING_DISABLED",
            metadata={"service": api, "consumer": f"projects/{project_number}"},
        ),
    )


def quota_exceeded(project_number: str, region: str) -> GoogleError:
    """429: a quota of the project is used up; asking again does not help soon."""
    metric = "aiplatform.googleapis.com/pipeline_jobs"
    return GoogleError(
        429,
        f"The following quota metrics exceed quota limits: {metric}",
        error_info(
            "RATE_LIMIT_EXCEEDED",
            metadata={
                "service": "aiplatform.googleapis.com",
                "consumer": f"projects/{project_number}",
                "quota_metric": metric,
                "quota_location": region,
            },
        ),
    )


def rate_limited(retry_after: int = 1) -> GoogleError:
    """429: too fast; the answer says when to come back, in seconds."""
    return GoogleError(
        429,
        "Quota exceeded for quota metric 'Pipeline job creation requests' and limit 'Pipeline job "
        "creation requests per minute per region' of service 'aiplatform.googleapis.com'.",
        {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_after}s"},
        headers={"Retry-After": str(retry_after)},
    )


def expired_token() -> GoogleError:
    """401 for a token that is unknown or no longer valid."""
    return GoogleError(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        error_info(
            "ACCESS_TOKEN_EXPIRED",
            metadata={"service": "aiplatform.googleapis.com"},
        ),
        headers={
            "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
        },
    )


def plain(status: int) -> GoogleError:
    """The error that a status stands for, in the words of Google's front end."""
    known: dict[int, GoogleError] = {
        401: expired_token(),
        429: rate_limited(),
        500: GoogleError(500, "Internal error encountered."),
        502: GoogleError(502, "Bad Gateway", status="UNAVAILABLE"),
        503: GoogleError(503, "The service is currently unavailable."),
        504: GoogleError(504, "Deadline exceeded."),
    }
    return known.get(status) or GoogleError(status, STATUS.get(status, "Error").capitalize())
