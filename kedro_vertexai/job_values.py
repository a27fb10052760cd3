"""New parameter values for a spec that is compiled already: checked against what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.errors import ConfigError, did_you_mean
from kedro_vertexai.spec.inputs import SpecInput, spec_inputs
from kedro_vertexai.spec.task_document import exact_json
from kedro_vertexai.targets.local.parameters import coerce


@dataclass(frozen=True)
class ChangedValues:
    """Values by the spec's keys and in its form; `notes` are what the user should know of them."""

    values: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def changed_values(
    spec: Mapping[str, Any], held: Mapping[str, Any], given: Mapping[str, Any]
) -> ChangedValues:
    """What has to be handed to a spec so that parameters have other values.

    Args:
        spec: the compiled spec.
        held: values that differ from its defaults already, by the spec's keys and in its form.
        given: the user's, nested as Kedro nests parameters, or by the spec's own keys.

    Raises:
        ConfigError: a parameter that the spec does not take, or a value of another type.
    """
    inputs = spec_inputs(spec)
    for_resolvers = next((entry for entry in inputs.values() if not entry.path), None)
    values: dict[str, Any] = {}
    unread = []
    for path, value in _leaves(_by_path(given, inputs)):
        entry = _covering(inputs, path)
        if entry:
            now = values.get(entry.key, held.get(entry.key, entry.definition.get("defaultValue")))
            values[entry.key] = _encode(entry, _put(entry.decode(now), entry, path, value))
        elif for_resolvers:
            unread.append(".".join(path))
        else:
            raise _unknown(".".join(path), inputs)
    if for_resolvers and given:
        now = held.get(for_resolvers.key, for_resolvers.definition.get("defaultValue"))
        merged = _merged(for_resolvers.decode(now) or {}, given)
        values[for_resolvers.key] = _encode(for_resolvers, merged)
    return ChangedValues(values, tuple(map(_for_resolvers_only, unread)))


def _by_path(given: Mapping[str, Any], inputs: Mapping[str, SpecInput]) -> dict[str, Any]:
    """The values nested by Kedro's names, also those that were given by the spec's key."""
    tops = {entry.path[0] for entry in inputs.values() if entry.path}
    nested: dict[str, Any] = {}
    for name, value in given.items():
        entry = None if name in tops else inputs.get(name)
        for part in reversed(entry.path if entry else (name,)):
            value = {part: value}  # noqa: PLW2901
        nested = _merged(nested, value)
    return nested


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _covering(inputs: Mapping[str, SpecInput], path: tuple[str, ...]) -> SpecInput | None:
    """The input in which this value lies: the spec has one for the outermost that is read."""
    for entry in inputs.values():
        if entry.path and entry.path == path[: len(entry.path)]:
            return entry
    return None


def _put(now: Any, entry: SpecInput, path: tuple[str, ...], value: Any) -> Any:
    """The input's value with one inside it replaced.

    Raises:
        ConfigError: there is none to be replaced.
    """
    rest = path[len(entry.path) :]
    if not rest:
        return value
    if entry.type != "json" or (now is not None and not isinstance(now, Mapping)):
        raise ConfigError(f"--params {'.'.join(path)}: '{entry.name}' holds no keys and values")
    now = dict(now or {})
    if now and rest[0] not in now:
        # As when compiling: what says nothing of what it may hold takes anything.
        raise ConfigError(
            f"--params {'.'.join(path)}: '{entry.name}' has no such key"
            f"{did_you_mean(str(rest[0]), map(str, now))}"
        )
    inner = SpecInput(entry.key, path[: len(entry.path) + 1], "json", entry.definition)
    return {**now, rest[0]: _put(now.get(rest[0]), inner, path, value)}


def _encode(entry: SpecInput, value: Any) -> Any:
    if entry.type == "json":
        return exact_json(value)
    try:
        return coerce(str(entry.definition.get("parameterType", "")), value)
    except ValueError as error:
        raise ConfigError(f"--params {entry.name or entry.key}: {error}") from None


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """As Kedro merges parameters: dictionaries key by key."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _merged(before, value)  # noqa: PLW2901
        merged[key] = value
    return merged


def _unknown(name: str, inputs: Mapping[str, SpecInput]) -> ConfigError:
    known = sorted(entry.name for entry in inputs.values())
    listed = f"it takes {', '.join(known)}" if known else "it takes none"
    return ConfigError(
        f"--params {name}: the job's spec takes no such parameter{did_you_mean(name, known)} "
        f"({listed})"
    )


def _for_resolvers_only(name: str) -> str:
    return (
        f"--params {name}: the job's spec has no such input, so only ${{runtime_params:{name}}} "
        "reads it in the tasks; parameters that were computed from it keep the job's values"
    )
