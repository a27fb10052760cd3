"""What a task is told about itself: the reading side of `kedro_vertexai.spec.task_document`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.artifact_metadata import ROOM
from kedro_vertexai.errors import TaskError


@dataclass(frozen=True)
class Boundary:
    """A dataset (or large parameters) that enters or leaves this task as an artifact.

    `path` is that of a file, `uri` that of an output that stays where it is. `metadata` is what
    the user adds to an output's, `metrics` whether its numbers are metadata, too, `versioned`
    whether readers must be told which version this run has saved. `room` is how many bytes its
    metadata may have.
    """

    key: str
    dataset: str
    travel: str
    path: str = ""
    uri: str = ""
    metrics: bool = False
    versioned: bool = False
    room: int = ROOM
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskDocument:
    """This task's nodes, what crosses its boundary, and the parameters it is given.

    `parameters` maps an input's key to its type and its place in Kedro's nested parameters.
    `pipeline_ml` is `training` in a pipeline of `pipeline_ml_factory`, and `model` in the task
    that logs it; otherwise empty.
    """

    nodes: tuple[str, ...]
    inputs: Mapping[str, Boundary] = field(default_factory=dict)
    outputs: Mapping[str, Boundary] = field(default_factory=dict)
    parameters: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    pipeline_ml: str = ""

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
                inputs=_boundaries(document.get("inputs", {}), inputs),
                outputs=_boundaries(document.get("outputs", {}), outputs),
                parameters={
                    key: (value, (key,))
                    if isinstance(value, str)
                    else (value["type"], tuple(value["path"]))
                    for key, value in document.get("parameters", {}).items()
                },
                pipeline_ml=str(document.get("pipeline_ml", "")),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise TaskError(
                "the task document cannot be read: the image holds another version of "
                f"kedro-vertexai than the one that compiled this pipeline ({error})"
            ) from error


def _boundaries(told: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Boundary]:
    """What enters or leaves, in the order of the document: files are laid over each other so."""
    keys = [*(key for key in told if key in given), *(key for key in given if key not in told)]
    return {key: _boundary(key, told.get(key, {})) for key in keys}


def _boundary(key: str, entry: str | Mapping[str, Any]) -> Boundary:
    if isinstance(entry, str):
        return Boundary(key, entry, "object")
    return Boundary(key, **{"dataset": key, "travel": "object", **entry})
