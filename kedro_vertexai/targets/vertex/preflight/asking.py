"""One request to a Google service on behalf of a check."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.errors import why_no_token
from kedro_vertexai.targets.vertex.preflight.finding import UncheckedError

if TYPE_CHECKING:
    from requests import Response, Session

TIMEOUT = 10.0  # seconds for one request: a check is not worth a long wait

# Checks run in threads, and credentials are looked for once.
_FIRST = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """What a service says: `found` is whether there is what was asked for."""

    found: bool
    body: Mapping[str, Any]


def ask(
    clients: GoogleClients,
    url: str,
    params: Mapping[str, Any] | None = None,
    *,
    body: Mapping[str, Any] | None = None,
) -> Answer:
    """Ask a Google service: GET, or POST with a body.

    Args:
        clients: whose credentials are sent.
        url: of the method.
        params: its query.
        body: its JSON.

    Raises:
        UncheckedError: no answer that says anything of what was asked for.
    """
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests import RequestException

    try:
        session = _session(clients, url)
        method = "GET" if body is None else "POST"
        response = session.request(method, url, params=params, json=body, timeout=TIMEOUT)
    except (TransportError, RequestException) as error:
        raise UncheckedError(f"{_host(url)} cannot be reached ({type(error).__name__})") from error
    except GoogleAuthError as error:
        raise UncheckedError(why_no_token(error)) from error
    if response.status_code == 404:
        return Answer(found=False, body={})
    content = _json(response)
    if response.status_code == 401:
        raise UncheckedError(why_no_token())
    if response.status_code >= 400:
        raise UncheckedError(_refusal(response.status_code, content, url))
    return Answer(found=True, body=content)


def held_permissions(answer: Answer) -> frozenset[str]:
    """What `testIamPermissions` says of the permissions it was asked for.

    Raises:
        UncheckedError: it says nothing.
    """
    if not answer.found:
        raise UncheckedError("permissions cannot be asked for here")
    return frozenset(answer.body.get("permissions", ()))


def caller(clients: GoogleClients) -> str:
    """Who is asking, as a member of an IAM policy; a placeholder where nobody can tell.

    Credentials of `gcloud auth application-default login` do not say whose they are.
    """
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials = clients.credentials
    except GoogleAuthError:
        return "user:YOUR_ADDRESS"
    account = getattr(credentials, "service_account_email", None)
    if account and account != "default":
        return f"serviceAccount:{account}"
    user = getattr(credentials, "account", None)
    return f"user:{user or 'YOUR_ADDRESS'}"


def _session(clients: GoogleClients, url: str) -> Session:
    with _FIRST:
        return clients.session_for(url)


def _json(response: Response) -> Mapping[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def _refusal(status: int, content: Mapping[str, Any], url: str) -> str:
    """https://cloud.google.com/apis/design/errors#http_mapping."""
    details = content.get("error")
    message = details.get("message", "") if isinstance(details, dict) else ""
    said = " ".join(str(message).split()) or f"{_host(url)} answers {status}"
    return f"permission denied: {said}" if status == 403 else said


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
