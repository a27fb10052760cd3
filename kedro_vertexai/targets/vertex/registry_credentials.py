"""Who asks a registry: a user name and a password, in which Google's registries take a token."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.errors import why_no_token

if TYPE_CHECKING:
    from kedro_vertexai.targets.vertex.client import GoogleClients

# https://cloud.google.com/artifact-registry/docs/docker/authentication#token
_TOKEN_USER = "oauth2accesstoken"


@dataclass(frozen=True)
class Basic:
    """A user name and a password."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """What HTTP's `Authorization` says of them."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    @property
    def for_engine(self) -> dict[str, str]:
        """As Docker's SDK hands them to an engine."""
        return {"username": self.user, "password": self.password}


def google_credentials(clients: GoogleClients) -> Basic | None:
    """The user's Google token.

    Raises:
        RunError: there is no valid one.
    """
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request

    try:
        credentials = clients.credentials
        if not credentials.valid:
            credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except TransportError as error:
        raise RunError("no token for this machine: Google cannot be reached") from error
    except GoogleAuthError as error:
        raise RunError(why_no_token(error)) from error
    return Basic(_TOKEN_USER, str(credentials.token))


def docker_credentials(host: str) -> Basic | None:
    """What `docker login` has kept for a registry; None if nothing.

    Raises:
        RunError: Docker's configuration, or the helper that it names, cannot be read.
    """
    from docker.auth import load_config
    from docker.errors import DockerException

    try:
        found = load_config().resolve_authconfig(host)
    except DockerException as error:
        raise RunError(f"docker's credentials for {host} cannot be read: {error}") from error
    # A helper's answer has capitals, and what `docker login` writes into the file has none.
    said = {key.lower(): value for key, value in (found or {}).items()}
    if not said.get("username"):
        return None
    return Basic(said["username"], said["password"])
