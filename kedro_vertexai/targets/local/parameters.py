"""Values of parameters: those the job is given, and those one task hands to the next."""

import json
from collections.abc import Mapping
from typing import Any

from kedro_vertexai.errors import RunError, did_you_mean

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list, tuple),
    "STRUCT": (dict,),
    "TASK_FINAL_STATUS": (dict,),
}


def resolve_parameters(definitions: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every pipeline parameter: as given, or its default.

    Optional parameters without value and default are left out.

    Args:
        definitions: `inputDefinitions.parameters` of the pipeline.
        values: what the user gave, by name.

    Raises:
        RunError: for an unknown name, a missing value or one of another type.
    """
    for name in values:
        if name not in definitions:
            hint = did_you_mean(name, definitions) or _known(definitions)
            raise RunError(f"unknown pipeline parameter '{name}'{hint}")
    resolved = {}
    for name, definition in definitions.items():
        if name in values:
            resolved[name] = _given(name, definition, values[name])
        elif "defaultValue" in definition:
            resolved[name] = coerce(definition.get("parameterType", ""), definition["defaultValue"])
        elif not definition.get("isOptional"):
            raise RunError(f"pipeline parameter '{name}' has no default and was given no value")
    return resolved


def coerce(parameter_type: str, value: Any) -> Any:
    """Return the value as its type demands.

    JSON written by protobuf knows one kind of number, so that an integer may arrive as `5.0`.

    Raises:
        ValueError: if the value is of another type; the message says which.
    """
    if parameter_type == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer():
        return int(value)
    expected = _PYTHON_TYPES.get(parameter_type)
    if expected is None:
        return value
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise ValueError(f"must be of type {parameter_type}, not {_shown(value)}")
    return value


def parse(parameter_type: str, text: str) -> Any:
    """Return the value of an output parameter from the text a task wrote.

    Raises:
        ValueError: if the text is not JSON, or of another type.
    """
    return text if parameter_type == "STRING" else coerce(parameter_type, json.loads(text))


def _given(name: str, definition: Mapping[str, Any], value: Any) -> Any:
    if value is None and definition.get("isOptional"):
        return None
    try:
        coerced = coerce(definition.get("parameterType", ""), value)
    except ValueError as error:
        raise RunError(f"pipeline parameter '{name}' {error}") from None
    try:
        json.dumps(coerced)
    except (TypeError, ValueError) as error:
        raise RunError(f"pipeline parameter '{name}' cannot be passed as JSON: {error}") from None
    return coerced


def _shown(value: Any) -> str:
    shown = repr(value)
    return f"{shown[:60]}..." if len(shown) > 60 else shown


def _known(definitions: Mapping[str, Any]) -> str:
    return f"; known are: {', '.join(sorted(definitions))}" if definitions else "; it has none"
