"""Google Secret Manager, through its REST interface: a task needs no client library.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any, ClassVar

from kedro_vertexai.auth.google_credentials import authorized_session
from kedro_vertexai.auth.http import TIMEOUT
from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.auth.secret_backend import KEY, SecretBackend
from kedro_vertexai.errors import AuthError, ConfigError

_REGIONAL = "https://secretmanager.{}.rep.googleapis.com"


class GoogleSecretManager(SecretBackend):
    """Secrets of one project, read with the machine's own credentials.

    Args:
        project: id of the Google Cloud project; `project_id` of vertexai.yml without.
        location: of regional secrets, such as europe-west3.
        version: number of a version, or `latest`.
        prefix: what the name of every secret starts with, before the name that is asked for.

    Raises:
        ConfigError: no project is known.
    """

    endpoint: ClassVar[str] = "https://secretmanager.googleapis.com"
    """Where a subclass may name one of its own network's."""

    def __init__(
        self, project: str = "", location: str = "", version: str = "latest", prefix: str = ""
    ) -> None:
        project = str(project or os.environ.get("GCP_PROJECT_ID", ""))
        if not project:
            raise ConfigError(f"{KEY}.params: google-secret-manager needs project")
        self._endpoint = _REGIONAL.format(location) if location else self.endpoint
        self._parent = f"projects/{project}" + (f"/locations/{location}" if location else "")
        self._version = version
        self._prefix = prefix
        self._session: Any = None

    def get(self, name: str) -> str | None:
        resource = f"{self._parent}/secrets/{self._prefix}{name}/versions/{self._version}"
        try:
            self._session = self._session or authorized_session()
            answer = self._session.get(f"{self._endpoint}/v1/{resource}:access", timeout=TIMEOUT)
        except Exception as error:
            reason = reason_of(error)
        else:
            if answer.status_code == 404:
                return None
            if answer.status_code == 200:
                return _text(answer, resource)
            reason = _refusal(answer)
        raise AuthError(
            f"Secret Manager: {resource} cannot be read: {reason}. Whoever runs this needs "
            "roles/secretmanager.secretAccessor on the secret"
        )


def _text(answer: Any, resource: str) -> str:
    try:
        return base64.b64decode(answer.json()["payload"]["data"], validate=True).decode("utf-8")
    except (ValueError, KeyError, TypeError, binascii.Error):
        # An error of these may quote the secret.
        problem = f"Secret Manager: {resource} holds no text"
    raise AuthError(problem)


def _refusal(answer: Any) -> str:
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = str(answer.reason)
    return f"{answer.status_code} {message}".rstrip(".")
