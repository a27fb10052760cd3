"""What a compiled pipeline tells its tasks of how they authenticate: names and ids only."""

from __future__ import annotations

from typing import Any

from kedro_vertexai.config import PluginConfig
from kedro_vertexai.config_authentication import GOOGLE
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.project_config import MlflowServer


def authentication_of(config: PluginConfig, server: MlflowServer | None) -> dict[str, Any]:
    """The settings of a pipeline; empty for one that is not tracked.

    Raises:
        ConfigError: two classes would sign each request. A class of the user's own is not asked
            here whether it signs: the first task tells.
    """
    if server is None:
        return {}
    if config.run_config.authentication.type == GOOGLE and server.header_provider:
        raise ConfigError(
            f"run_config.authentication: {GOOGLE} and {server.header_provider}, "
            "server.request_header_provider of mlflow.yml, would both sign: take one of them out"
        )
    return authentication_settings(config)


def authentication_settings(config: PluginConfig) -> dict[str, Any]:
    """The settings that `kedro_vertexai.runtime.authentication` reads; empty if there are none.

    `provider_params` are those of the provider that mlflow.yml names.
    """
    authentication = config.run_config.authentication
    settings: dict[str, Any] = {}
    if authentication.type:
        settings = {"type": authentication.type, "params": authentication.params}
    if authentication.secrets:
        settings["secrets"] = authentication.secrets.model_dump()
    if params := config.run_config.mlflow.request_header_provider_params:
        settings["provider_params"] = dict(params)
    return settings
