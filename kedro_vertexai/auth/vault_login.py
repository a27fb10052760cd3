"""What proves to Vault who asks, where no token is at hand: a signed statement of the platform.

https://developer.hashicorp.com/vault/docs/auth
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kedro_vertexai.auth.google_credentials import authorized_session
from kedro_vertexai.auth.http import TIMEOUT
from kedro_vertexai.errors import AuthError

SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts the token of a pod's service account."""

_LIFE = 600
"""Seconds; Vault takes no statement that is good for longer than 15 minutes."""


def _kubernetes(role: str) -> str:  # noqa: ARG001
    return SERVICE_ACCOUNT_TOKEN.read_text("utf-8").strip()


def _google(role: str) -> str:
    """For a role of the type `iam`: IAM signs, so that Vault can look up with which key."""
    from google.auth import iam
    from google.auth.transport.requests import Request

    session = authorized_session()
    credentials: Any = session.credentials
    # A machine's credentials are told whose they are with their first token.
    credentials.refresh(Request())
    account = credentials.service_account_email
    claims = {"sub": account, "aud": f"vault/{role}", "exp": int(time.time()) + _LIFE}
    url = iam._IAM_SIGNJWT_ENDPOINT.format(account)
    answer = session.post(url, json={"payload": json.dumps(claims)}, timeout=TIMEOUT)
    if answer.status_code != 200:
        raise AuthError(
            f"IAM signs nothing for {account} ({answer.status_code}): it needs "
            "roles/iam.serviceAccountTokenCreator on itself"
        )
    return str(answer.json()["signedJwt"])


LOGINS: Mapping[str, Callable[[str], str]] = {"kubernetes": _kubernetes, "gcp": _google}
"""By the name of Vault's auth method, what makes the statement for a role."""
