"""Credentials in the environment that MLflow sends in place of what a provider signs.

`mlflow.utils.rest_utils.http_request` puts user and password, else the token, over any
provider's Authorization header.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

logger = logging.getLogger(__name__)

USER_AND_PASSWORD = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
TOKEN = "MLFLOW_TRACKING_TOKEN"

_reported: set[tuple[str, ...]] = set()


def overriding(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that beat every provider, the strongest first."""
    pair = USER_AND_PASSWORD if all(environ.get(name) for name in USER_AND_PASSWORD) else ()
    return (*pair, TOKEN) if environ.get(TOKEN) else pair


def report_overriding(provider: str) -> None:
    """Warn once if the environment beats the provider."""
    names = overriding(os.environ)
    if names and (provider, *names) not in _reported:
        _reported.add((provider, *names))
        logger.warning(
            "%s: MLflow sends what is in the environment instead of what %s signs. "
            "Unset it, or take the provider out of mlflow.yml",
            ", ".join(names),
            provider,
        )
