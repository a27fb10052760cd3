"""MLflow as a task would see it, for a command on the user's machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from kedro_vertexai.config import PluginConfig
from kedro_vertexai.dynamic_config import materialise
from kedro_vertexai.errors import ConfigError, VertexAIError
from kedro_vertexai.project_config import config_loader
from kedro_vertexai.runtime.authentication import Authentication
from kedro_vertexai.warn import warn

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


@contextmanager
def signed_context(
    path: Path,
    env: str,
    config: PluginConfig,
    authentication: Authentication,
    runtime_params: Mapping[str, Any] | None = None,
    *,
    strict: bool = True,
) -> Iterator[KedroContext]:
    """A context on which the project's own hooks have acted, and no other plugin's.

    Args:
        path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        config: of the project.
        authentication: that has begun in this environment.
        runtime_params: nested values for the configuration's resolvers.
        strict: whether one of `dynamic_config_providers` that fails is an error. Else the
            configuration is taken as it is.

    Raises:
        VertexAIError: the project cannot be read, or requests cannot be signed.
    """
    from kedro_vertexai.project import load_context
    from kedro_vertexai.project_hooks import hook_manager

    given = dict(runtime_params or {})
    manager = hook_manager()
    manager.register(_First(authentication))
    with _task_configuration(path, config, strict=strict) as conf_source:
        loader = config_loader(path, env, given, conf_source)
        with _own_words():
            context = load_context(path, env, loader, manager, given)
        yield context


@contextmanager
def _task_configuration(path: Path, config: PluginConfig, *, strict: bool) -> Iterator[Path]:
    """The configuration as a task has it: with what `dynamic_config_providers` make there.

    They write into a copy, which is gone after the block: a token does not belong among the
    user's own files.
    """
    from kedro.framework.project import settings

    conf_source = path / settings.CONF_SOURCE
    if not config.run_config.dynamic_config_providers:
        yield conf_source
        return
    # Such a directory is its owner's alone.
    with TemporaryDirectory(prefix="kedro-vertexai-") as folder:
        copy = Path(folder) / "conf"
        try:
            shutil.copytree(conf_source, copy, ignore_dangling_symlinks=True)
        except OSError as error:
            raise ConfigError(f"{conf_source} cannot be read: {error}") from error
        try:
            materialise(config, copy)
        except VertexAIError as error:
            if strict:
                raise
            warn([f"{error}; {settings.CONF_SOURCE} is taken as it is"])
        yield copy


@contextmanager
def _own_words() -> Iterator[None]:
    """Let a mistake be told in its own words, without those on the hook that met it."""
    from kedro.config import MissingConfigException

    try:
        yield
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
