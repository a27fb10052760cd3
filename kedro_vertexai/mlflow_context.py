"""MLflow as a task would see it, for a command on the user's machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from kedro_vertexai.config import PluginConfig
from kedro_vertexai.errors import ConfigError, VertexAIError
from kedro_vertexai.project_config import config_loader
from kedro_vertexai.runtime.authentication import Authentication

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

# A server that is gone should be told of within a minute, not after MLflow's seven attempts.
_HASTE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


@contextmanager
def task_environment(config: PluginConfig, **more: str) -> Iterator[None]:
    """What a task's environment has, for as long as the block takes.

    Args:
        config: of the project.
        more: variables.
    """
    before = dict(os.environ)
    for name, value in {**_HASTE, "GCP_PROJECT_ID": config.project_id, **more}.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def signed_context(
    path: Path,
    env: str,
    authentication: Authentication,
    runtime_params: Mapping[str, Any] | None = None,
) -> KedroContext:
    """A context on which the project's own hooks have acted, and no other plugin's.

    Args:
        path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        authentication: that has begun in this environment.
        runtime_params: nested values for the configuration's resolvers.

    Raises:
        VertexAIError: the project cannot be read, or requests cannot be signed.
    """
    from kedro.config import MissingConfigException

    from kedro_vertexai.project import load_context
    from kedro_vertexai.project_hooks import hook_manager

    given = dict(runtime_params or {})
    loader = config_loader(path, env, given)
    manager = hook_manager()
    manager.register(_First(authentication))
    try:
        return load_context(path, env, loader, manager, given)
    except VertexAIError as error:
        cause = error.__cause__
        if isinstance(cause, MissingConfigException):
            raise ConfigError("the project has no mlflow.yml: `kedro mlflow init`") from None
        if isinstance(cause, VertexAIError):
            raise cause from None
        raise


class _First:
    """Does before the project's own hooks what a task's hook does."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        self._authentication.context_created(context)
