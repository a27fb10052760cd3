"""Classes that a configuration names, as `package.module.Class`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from inspect import isabstract, signature
from typing import Any

from kedro_vertexai.errors import ConfigError, VertexAIError, did_you_mean


def instantiate(
    path: str, params: Mapping[str, Any], *args: object, key: str, name: str = "cls"
) -> Any:
    """Import the class at `path` and call it with `args` and `params`.

    Args:
        path: the class, as `package.module.Class`.
        params: keyword arguments from the file; their values are never shown.
        args: what comes before them.
        key: the section of the file to name in errors.
        name: the key in it that names the class.

    Raises:
        ConfigError: there is no such class, or it does not take these parameters.
    """
    found = _import_class(path, f"{key}.{name}")
    if isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise ConfigError(f"{key}.{name}: {path} does not implement {missing}")
    try:
        signature(found).bind(*args, **params)
    except TypeError as error:
        raise ConfigError(f"{key}.params: they do not fit {path}: {error}") from None
    try:
        return found(*args, **params)
    except VertexAIError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{key}.params: {path} refuses them with {type(error).__name__}"
        ) from error


def _import_class(path: str, key: str) -> type[Any]:
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{key}: '{path}' cannot be imported, {reason}") from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        classes = [word for word, value in vars(module).items() if isinstance(value, type)]
        hint = did_you_mean(name, classes)
        raise ConfigError(f"{key}: '{module_name}' has no class '{name}'{hint}")
    return found
