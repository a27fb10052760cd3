"""How this task authenticates to MLflow: `run_config.authentication`, as it was compiled.

The pipeline holds names and ids. What they stand for gets into this process's environment, or
into a provider that MLflow asks before each request, and nowhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ConfigError, TaskError, VertexAIError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

    from kedro_vertexai.auth.handler import AuthHandler

_KEY = "run_config.authentication"


class Authentication:
    """What one process does, first with its environment and then with each context.

    Args:
        settings: `run_config.authentication`, and under `provider_params` the parameters of the
            provider that mlflow.yml names.

    Raises:
        ConfigError: a class that they name cannot be made.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        from kedro_vertexai.auth.handler import load_handler

        self._type = str(settings.get("type") or "")
        self._provider_params: dict[str, str] = dict(settings.get("provider_params") or {})
        self.handler: AuthHandler = load_handler(settings)

    @classmethod
    def parse(cls, document: str) -> Authentication:
        """Read what the compiler wrote.

        Raises:
            TaskError: another version of this plugin wrote it.
        """
        try:
            settings = json.loads(document)
        except ValueError:
            settings = None
        if not isinstance(settings, dict):
            raise TaskError(
                "--authentication cannot be read: the image holds another version of "
                "kedro-vertexai than the one that compiled this pipeline"
            )
        return cls(settings)

    def begin(self) -> None:
        """Put what the handler obtains into this process's environment.

        Raises:
            VertexAIError: it obtains nothing, or what is no environment variable.
        """
        from kedro_vertexai.auth.provider_params import give
        from kedro_vertexai.auth.reason import reason_of

        give(self._provider_params)
        try:
            credentials = self.handler.obtain_credentials()
        except VertexAIError:
            raise
        except Exception as error:
            reason = f"{self._type} obtains no credentials: {reason_of(error)}"
        else:
            _check(credentials, self._type)
            os.environ.update(credentials)
            return
        # Outside of the handler of an exception that may hold a secret.
        raise TaskError(f"{_KEY}: {reason}")

    def context_created(self, context: KedroContext) -> None:
        """Give the providers their parameters, before anything is asked of the server.

        Raises:
            ConfigError: two providers would sign.
        """
        configured = self._complete(context)
        provider = self.handler.request_header_provider(context)
        if provider is None:
            return
        if configured:
            raise ConfigError(
                f"{_KEY}: {self._type} and {configured}, server.request_header_provider of "
                "mlflow.yml, would both sign: take one of them out"
            )
        from kedro_vertexai.auth.mlflow_request_header_provider import (
            DynamicMLFlowRequestHeaderProvider,
        )

        DynamicMLFlowRequestHeaderProvider().configure(provider)

    def _complete(self, context: KedroContext) -> str:
        """Put the parameters below those of mlflow.yml; return the class that it names."""
        from kedro_vertexai.tracking.config import adapt_store

        config = adapt_store(context)
        options = dict(config["server"].get("request_header_provider") or {})
        if not options.get("type"):
            return ""
        options["init_kwargs"] = {**self._provider_params, **(options.get("init_kwargs") or {})}
        config["server"]["request_header_provider"] = options
        loader: Any = context.config_loader
        loader["mlflow"] = config
        return str(options["type"])


_active: list[Authentication] = []


def authenticate(document: str) -> None:
    """Authenticate this process as the compiled pipeline says.

    Raises:
        VertexAIError: it cannot be done; nothing has been asked of MLflow.
    """
    authentication = Authentication.parse(document)
    authentication.begin()
    _active[:] = [authentication]


def active_authentication() -> Authentication | None:
    """That of this process, or None where none was compiled."""
    return _active[0] if _active else None


def _check(credentials: object, type_: str) -> None:
    """No message holds a value."""
    if not isinstance(credentials, Mapping):
        raise TaskError(
            f"{_KEY}: {type_}.obtain_credentials() returned {type(credentials).__name__}, "
            "expected a dict of environment variables"
        )
    for name, value in credentials.items():
        if not isinstance(name, str) or not name or {"=", "\0"} & set(name):
            raise TaskError(f"{_KEY}: {type_} obtained what has no environment variable's name")
        if not isinstance(value, str) or "\0" in value:
            kind = type(value).__name__
            raise TaskError(f"{_KEY}: {type_} obtained {kind} for {name}, expected text")
