"""Who this process is for Google: its own credentials, or a service account in their place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""What the IAM Credentials API and Secret Manager ask of their caller."""

_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"

_stand_in: list[str] = []
_asked: list[bool] = []


@contextmanager
def acting_as(service_account: str | None) -> Iterator[None]:
    """Let everything here be done in the name of a service account; of one's own without."""
    _stand_in[:] = [service_account] if service_account else []
    _asked.clear()
    try:
        yield
    finally:
        _stand_in.clear()


def stand_in() -> str:
    """The service account in whose name this process acts; empty for its own."""
    return _stand_in[0] if _stand_in else ""


def note_asked() -> None:
    """Note that this process asks Google for something."""
    _asked[:] = [True]


def has_asked() -> bool:
    """Whether it has, since it began to act as somebody."""
    return bool(_asked)


def own_credentials(transport: Any) -> Any:
    """google-auth's credentials for Google's APIs.

    Raises:
        google.auth.exceptions.GoogleAuthError: there are none.
    """
    import google.auth

    note_asked()
    source, _ = google.auth.default(scopes=[SCOPE], request=transport)
    return impersonated(source, stand_in()) if stand_in() else source


def impersonated(source: Any, service_account: str) -> Any:
    """The credentials of a service account that the owner of `source` may impersonate."""
    from google.auth import impersonated_credentials

    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source, service_account, [SCOPE]
    )


def authorized_session() -> AuthorizedSession:
    """A session for Google's APIs that tries again what a busy server refused.

    Raises:
        google.auth.exceptions.GoogleAuthError: there are no credentials.
    """
    from google.auth.transport.requests import AuthorizedSession, Request

    from kedro_vertexai.auth.http import retrying

    credentials = own_credentials(Request())
    return retrying(AuthorizedSession(credentials))  # type: ignore[no-untyped-call]


def describe_credentials() -> str:
    """Where google-auth finds this process's own credentials, in a user's words."""
    from google.auth import _cloud_sdk

    named = os.environ.get(_VARIABLE)
    if named:
        return f"{_VARIABLE}: {named}{_content(Path(named))}"
    login = Path(_cloud_sdk.get_application_default_credentials_path())  # type: ignore[no-untyped-call]
    if login.is_file():
        return f"gcloud's application default login: {login}{_content(login)}"
    return "the machine's service account, as its metadata server says"


def _content(path: Path) -> str:
    """What is in a file of credentials, without what is secret in it."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f", which cannot be read ({type(error).__name__})"
    if not isinstance(content, dict):
        return ", which holds no credentials"
    said = [str(content[key]) for key in ("type", "client_email") if content.get(key)]
    return f" ({' of '.join(said)})" if said else ""
