"""What a task is told about itself: the reading side of `kedro_vertexai.spec.task_document`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.errors import TaskError


@dataclass(frozen=True)
class Boundary:
    """A dataset (or large parameters) that enters or leaves this task as an artifact."""

    key: str
    dataset: str
    travel: str
    path: str = ""


@dataclass(frozen=True)
class TaskDocument:
    """This task's nodes, what crosses its boundary, and the parameters it is given.

    `parameters` maps an input's key to its type and its place in Kedro's nested parameters.
    """

    nodes: tuple[str, ...]
    inputs: Mapping[str, Boundary] = field(default_factory=dict)
    outputs: Mapping[str, Boundary] = field(default_factory=dict)
    parameters: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, text: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> TaskDocument:
        """Read the document; `inputs` and `outputs` are the artifacts the engine gave.

        Raises:
            TaskError: another version of this plugin wrote it.
        """
        try:
            document = json.loads(text)
            return cls(
                nodes=tuple(document["nodes"]),
                inputs={key: _boundary(key, document.get("inputs", {})) for key in inputs},
                outputs={key: _boundary(key, document.get("outputs", {})) for key in outputs},
                parameters={
                    key: (value, (key,))
                    if isinstance(value, str)
                    else (value["type"], tuple(value["path"]))
                    for key, value in document.get("parameters", {}).items()
                },
            )
        except (ValueError, KeyError, TypeError) as error:
            raise TaskError(
                "the task document cannot be read: the image holds another version of "
                f"kedro-vertexai than the one that compiled this pipeline ({error})"
            ) from error


def _boundary(key: str, told: Mapping[str, Any]) -> Boundary:
    entry = told.get(key, {})
    if isinstance(entry, str):
        return Boundary(key, entry, "object")
    travel = entry.get("travel", "object")
    return Boundary(key, entry.get("dataset", key), travel, entry.get("path", ""))
