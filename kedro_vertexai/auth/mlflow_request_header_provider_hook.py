"""A provider for `HOOKS` in settings.py, for projects that do not name it in mlflow.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from kedro_vertexai.auth.mlflow_request_header_provider import (
    DynamicMLFlowRequestHeaderProvider,
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.auth.provider_params import provider_params
from kedro_vertexai.errors import ConfigError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


class MLFlowRequestHeaderProviderHook:
    """Signs with a provider of this class: `HOOKS = (MLFlowRequestHeaderProviderHook(Mine),)`.

    It is given `run_config.mlflow.request_header_provider_params` of vertexai.yml.

    Raises:
        ConfigError: the class is no provider.
    """

    def __init__(self, provider_class: type[RequestHeaderProviderWithKedroContext]) -> None:
        base = RequestHeaderProviderWithKedroContext
        if not (isinstance(provider_class, type) and issubclass(provider_class, base)):
            raise ConfigError(
                f"settings.py: MLFlowRequestHeaderProviderHook takes a class derived from "
                f"{base.__module__}.{base.__qualname__}, not {provider_class!r}"
            )
        self.provider_class = provider_class

    # kedro-mlflow asks the server for the experiment in this same call.
    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        provider = self.provider_class(context, **provider_params(context))
        DynamicMLFlowRequestHeaderProvider().configure(provider)
