"""Where the user's Docker engine is: the one that the `docker` command would ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from docker.context import Context


def engine_options() -> dict[str, Any]:
    """What a client of Docker's SDK is made with: `base_url`, and `tls` where it is asked for.

    DOCKER_HOST says where, else the context that DOCKER_CONTEXT or Docker's configuration names.

    Raises:
        docker.errors.DockerException: there is no such context, or it cannot be read.
    """
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name
    from docker.errors import ContextException, ContextNotFound, DockerException
    from docker.utils import kwargs_from_env

    if os.environ.get("DOCKER_HOST"):
        return dict(kwargs_from_env())
    # The SDK's own look at the current context passes over the variable.
    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    try:
        context = cast("Context | None", ContextAPI.get_context(name))
    except DockerException:
        raise
    except Exception as error:
        # Of a damaged file the SDK says so in exceptions of no class of its own.
        raise ContextException(f"context {name} cannot be read: {error}") from error
    if context is None:
        raise ContextNotFound(name)
    options = {"base_url": context.Host, "tls": context.TLSConfig}
    return {key: value for key, value in options.items() if value}
