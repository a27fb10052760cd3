"""How a process comes by what MLflow asks of it: `run_config.authentication`.

The handlers that come with this package are found like a user's own, by the path of a class,
so that a task imports the one that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedro_vertexai.auth.secret_backend import load_backend
from kedro_vertexai.class_paths import instantiate
from kedro_vertexai.errors import ConfigError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.tracking.request_header.abstract_request_header_provider import (
        RequestHeaderProvider,
    )

KEY = "run_config.authentication"

_PATHS = {
    "GoogleOAuth2": "kedro_vertexai.auth.google_oauth2.GoogleOAuth2",
    "Vars": "kedro_vertexai.auth.variables.Vars",
}


class AuthHandler:
    """Base of every handler. A user's own takes `params` as keyword arguments.

    It is made once in each task, after the project's settings are loaded and before its
    configuration is read, and overrides one of the two methods.
    """

    def obtain_credentials(self) -> Mapping[str, str]:
        """Environment variables for this process, such as MLFLOW_TRACKING_TOKEN.

        They are set once: for what expires during a task, make a provider.
        """
        return {}

    def request_header_provider(
        self,
        context: KedroContext,  # noqa: ARG002
    ) -> RequestHeaderProvider | None:
        """What signs every request of this process, or None."""
        return None


def load_handler(settings: Mapping[str, Any]) -> AuthHandler:
    """Make the handler that `run_config.authentication` names.

    Args:
        settings: its keys; without `type`, the handler does nothing.

    Raises:
        ConfigError: there is no such class, it is no handler, or its params do not fit.
    """
    type_ = settings.get("type")
    if not type_:
        return AuthHandler()
    params = settings.get("params") or {}
    if type_ == "Vars":
        params = {"names": params, "backend": load_backend(settings.get("secrets"))}
    handler = instantiate(_PATHS.get(type_, type_), params, key=KEY, name="type")
    if not isinstance(handler, AuthHandler):
        base = f"{AuthHandler.__module__}.{AuthHandler.__qualname__}"
        raise ConfigError(f"{KEY}.type: {type_} is no handler, derive it from {base}")
    return handler
