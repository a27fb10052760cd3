"""`run_config.mlflow.request_header_provider_params`: what a provider's class is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

_given: list[Mapping[str, str]] = []


def give(params: Mapping[str, str] | None) -> None:
    """Let the compiled pipeline's parameters count, not those of this machine's vertexai.yml."""
    _given[:] = [] if params is None else [params]


def provider_params(context: KedroContext) -> Mapping[str, str]:
    """The parameters that were given, or those of the project's vertexai.yml if it has one.

    Raises:
        ConfigError, ProjectError: the file cannot be read.
    """
    if _given:
        return _given[0]
    from kedro_vertexai.config import parse_config
    from kedro_vertexai.project_config import conf_dirs, read_vertexai_config

    path, env = Path(context.project_path), context.env or "local"
    if not any(any(place.glob("**/vertexai*.y*ml")) for place in conf_dirs(path, env)):
        return {}
    data, source = read_vertexai_config(path, env)
    return parse_config(data, source).run_config.mlflow.request_header_provider_params
