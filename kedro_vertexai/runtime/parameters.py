"""The parameter values a task was given, as the runtime parameters of its Kedro session.

Only what differs from the project's own configuration is passed on: a run that changes
nothing is then, to every resolver and hook, a run without runtime parameters, as on a laptop.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro_vertexai.errors import TaskError
from kedro_vertexai.exact import same
from kedro_vertexai.runtime.task_document import TaskDocument

_MISSING = object()


def given_parameters(
    document: TaskDocument, values: Mapping[str, Any], files: Mapping[str, Path]
) -> dict[tuple[str, ...], Any]:
    """The exact values by their path in Kedro's nested parameters.

    Args:
        document: names each input's type and path.
        values: what the engine handed over as parameters, by key.
        files: where the large ones lie, by key.
    """
    given = {
        path: _decode(key, type_, values[key])
        for key, (type_, path) in document.parameters.items()
        if key in values
    }
    for key, boundary in document.inputs.items():
        if boundary.travel == "parameter":
            pairs = json.loads(files[key].read_text(encoding="utf-8"))
            given |= {tuple(path): value for path, value in pairs}
    return given


def changed(
    given: Mapping[tuple[str, ...], Any], configured: Mapping[str, Any]
) -> dict[tuple[str, ...], Any]:
    """The values that differ from the configuration, by path."""
    for_resolvers = given.get((), {})
    found = {}
    for path, value in given.items():
        # A parameter's own input counts, whatever the input for resolvers says of it.
        held = _lookup(for_resolvers, path)
        held = _lookup(configured, path) if held is _MISSING else held
        if path and not same(held, value):
            found[path] = value
    return found


def overrides(
    given: Mapping[tuple[str, ...], Any], configured: Mapping[str, Any]
) -> dict[str, Any]:
    """What differs from the configuration, nested as `kedro run --params` nests it."""
    nested: dict[str, Any] = dict(given.get((), {}))
    put_exactly(nested, changed(given, configured))
    return nested


def put_exactly(parameters: dict[str, Any], values: Mapping[tuple[str, ...], Any]) -> None:
    """Set each value at its place. Kedro merges dictionaries, and keeps keys that one lost."""
    for path, value in values.items():
        _put(parameters, path, value)


def as_runtime_params(values: Any) -> Any:
    """The values with `${` escaped: Kedro merges runtime parameters through OmegaConf.

    https://omegaconf.readthedocs.io/en/latest/usage.html#escaping-interpolations
    """
    if isinstance(values, dict):
        return {key: as_runtime_params(value) for key, value in values.items()}
    if isinstance(values, list):
        return [as_runtime_params(value) for value in values]
    if isinstance(values, str):
        return re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + "\\${", values)
    return values


def _decode(key: str, type_: str, value: Any) -> Any:
    try:
        if type_ == "json":
            return json.loads(value)
        if type_ == "integer":
            return _whole(value)
        if type_ == "double":
            return float(value)
        if type_ == "boolean":
            return value if isinstance(value, bool) else json.loads(str(value).lower())
        return str(value)
    except (ValueError, TypeError) as error:
        raise TaskError(f"parameter '{key}': its value is no {type_}: {error}") from error


def _whole(value: Any) -> int:
    if float(value) != int(value):
        raise ValueError(f"{value} has a fraction")
    return int(value)


def _lookup(parameters: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(parameters, Mapping) or key not in parameters:
            return _MISSING
        parameters = parameters[key]
    return parameters


def _put(nested: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(nested.get(key), dict):
            nested[key] = {}
        nested = nested[key]
    nested[path[-1]] = value
