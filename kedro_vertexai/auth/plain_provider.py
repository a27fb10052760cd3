"""A provider of `mlflow.yml` that knows MLflow's own base class, and nothing of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


def configure_plain_provider(options: Any, context: KedroContext) -> bool:
    """Let the one provider of this process hand on what such a class says.

    kedro-mlflow would register one for each context, of which MLflow joins the headers, and let
    requests go out unsigned where it fails.

    Args:
        options: `server.request_header_provider`, as kedro-mlflow has read it.
        context: of this process.

    Returns:
        Whether the class is such a one; all others are kedro-mlflow's to register.
    """
    from kedro.utils import load_obj
    from mlflow.tracking.request_header.abstract_request_header_provider import (
        RequestHeaderProvider,
    )

    from kedro_vertexai.auth.mlflow_request_header_provider import (
        DynamicMLFlowRequestHeaderProvider,
        RequestHeaderProviderWithKedroContext,
    )

    if options.type is None:
        return False
    class_ = load_obj(options.type)
    is_plain = issubclass(class_, RequestHeaderProvider) and not issubclass(
        class_, RequestHeaderProviderWithKedroContext
    )
    if not is_plain:
        return False
    given = {"kedro_context": context} if options.pass_context else {}
    DynamicMLFlowRequestHeaderProvider().configure(class_(**options.init_kwargs, **given))
    return True
