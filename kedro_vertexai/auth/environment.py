"""Credentials of this machine that are sent in place of what a provider signs.

`mlflow.utils.rest_utils.http_request` puts user and password, else the token, over any
provider's Authorization header, and what the two switches make over that. `requests` puts
what it finds in ~/.netrc over all of them.
"""

from __future__ import annotations

import configparser
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from kedro_vertexai.auth.lock import signing_lock

logger = logging.getLogger(__name__)

USER_AND_PASSWORD = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
TOKEN = "MLFLOW_TRACKING_TOKEN"
SIGV4, AUTH = "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_AUTH"

_SWITCHED_ON = ("true", "1")
"""mlflow.environment_variables takes these for true, in any case."""

_reported: set[tuple[str, ...]] = set()
_looked_for: set[str] = set()
"""Providers for which the files have been looked at."""


def overriding(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that beat every provider, the strongest first."""
    switches = []
    if environ.get(SIGV4, "").lower() in _SWITCHED_ON:
        switches.append(SIGV4)
    elif environ.get(AUTH):
        switches.append(AUTH)
    pair = USER_AND_PASSWORD if all(environ.get(name) for name in USER_AND_PASSWORD) else ()
    token = (TOKEN,) if environ.get(TOKEN) else ()
    return (*switches, *pair, *token)


def overriding_files(environ: Mapping[str, str], server: str) -> tuple[str, ...]:
    """Files of this user's that beat every provider.

    Args:
        environ: what completes half of a user and password in the file.
        server: URL of the MLflow server, which ~/.netrc may name.
    """
    found = []
    if all(_in_mlflow_file(name) or environ.get(name) for name in USER_AND_PASSWORD) and not all(
        environ.get(name) for name in USER_AND_PASSWORD
    ):
        found.append("~/.mlflow/credentials")
    # Not if an auth of its own is asked for.
    if server.startswith("http") and not (environ.get(AUTH) or environ.get(SIGV4)):
        from requests.utils import get_netrc_auth

        if get_netrc_auth(server):
            found.append(environ.get("NETRC") or "~/.netrc")
    return tuple(found)


def _in_mlflow_file(name: str) -> bool:
    """Whether the file that MLflow reads for what the environment lacks has it."""
    parser = configparser.ConfigParser()
    try:
        parser.read(Path("~/.mlflow/credentials").expanduser(), "utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        # MLflow fails over it, and says so.
        return False
    return bool(parser.get("mlflow", name.lower(), fallback=""))


def report_overriding(provider: str) -> None:
    """Warn once if what is on this machine beats the provider."""
    if names := overriding(os.environ):
        _report(provider, names, "what is in the environment", "Unset it")
    with signing_lock:
        if provider in _looked_for:
            return
        _looked_for.add(provider)
    if files := overriding_files(os.environ, _server()):
        _report(provider, files, "what this file says", "Take it out")


def _report(provider: str, names: tuple[str, ...], what: str, advice: str) -> None:
    if (provider, *names) in _reported:
        return
    _reported.add((provider, *names))
    logger.warning(
        "%s: MLflow sends %s instead of what %s signs. %s, or take the provider out of mlflow.yml",
        ", ".join(names),
        what,
        provider,
        advice,
    )


def _server() -> str:
    try:
        from mlflow.tracking import get_tracking_uri
    except ImportError:
        return ""
    return str(get_tracking_uri())
