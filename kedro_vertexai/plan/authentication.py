"""What a compiled pipeline tells its tasks of how they authenticate: names and ids only."""

from __future__ import annotations

from typing import Any

from kedro_vertexai.config import PluginConfig


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
