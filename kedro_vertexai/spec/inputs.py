"""The inputs of a compiled spec as Kedro parameters, read back from the spec itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.task_inputs import TASK

# What stands in a spec that nobody but KFP wrote.
_TYPES = {
    "STRING": "string",
    "NUMBER_INTEGER": "integer",
    "NUMBER_DOUBLE": "double",
    "BOOLEAN": "boolean",
}


@dataclass(frozen=True)
class SpecInput:
    """One input of the pipeline.

    `path` is the place of its value in Kedro's nested parameters, empty for the input that takes
    what resolvers read. `type` is ours, as `json`; `definition` is KFP's.
    """

    key: str
    path: tuple[str, ...]
    type: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Kedro's name of the parameter."""
        return ".".join(self.path)

    def decode(self, value: Any) -> Any:
        """What a value in the form of the spec means."""
        if self.type == "json" and isinstance(value, str):
            return json.loads(value)
        return value


def spec_inputs(spec: Mapping[str, Any]) -> dict[str, SpecInput]:
    """The inputs of a spec by key, as its tasks read them."""
    read = dict(_read_by_tasks(spec))
    definitions = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    found = {}
    for key, definition in definitions.items():
        plain = (_TYPES.get(str(definition.get("parameterType")), "other"), (key,))
        type_, path = read.get(key, plain)
        found[key] = SpecInput(key, path, type_, definition)
    return found


def _read_by_tasks(spec: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Type and path of each parameter that the documents of tasks name, by key."""
    places = [spec.get("root", {}), *spec.get("components", {}).values()]
    for place in places:
        for task in place.get("dag", {}).get("tasks", {}).values():
            constant = _constant(task)
            for key, told in json.loads(constant or "{}").get("parameters", {}).items():
                if isinstance(told, str):
                    yield key, (told, (key,))
                else:
                    yield key, (told["type"], tuple(told["path"]))


def _constant(task: Mapping[str, Any]) -> str:
    given = task.get("inputs", {}).get("parameters", {}).get(TASK, {})
    return str(given.get("runtimeValue", {}).get("constant", ""))
