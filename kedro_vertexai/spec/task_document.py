"""What a task's process is told about itself: one JSON document among its inputs.

Two tasks of the same resources then have the same container, argument for argument.
"""

from __future__ import annotations

import json
from typing import Any

from kedro_vertexai.artifact_metadata import ROOM
from kedro_vertexai.artifact_types import METRICS
from kedro_vertexai.plan.model import Artifact, Parameter, ParameterType, Task, Travel


def task_document(task: Task) -> str:
    """The document of one task, read by `kedro_vertexai.runtime.task_document`.

    What a reader can assume is left out. An artifact of which nothing is told travels as an
    object, and its dataset is named like its key; where only the name differs, that is told
    as a string. A parameter of which only a string is told, its type, lies at the top.
    """
    document: dict[str, Any] = {"nodes": list(task.nodes)}
    if task.pipeline_ml:
        document["pipeline_ml"] = task.pipeline_ml.value
    for side, artifacts in (("inputs", task.inputs), ("outputs", task.outputs)):
        told = {artifact.key: _artifact(artifact) for artifact in artifacts}
        if any(told.values()):
            document[side] = {key: value for key, value in told.items() if value}
    if task.parameters:
        document["parameters"] = {
            parameter.key: _parameter(parameter) for parameter in task.parameters
        }
    return exact_json(document)


def _artifact(artifact: Artifact) -> dict[str, Any] | str:
    if artifact.travel is Travel.PARAMETER:
        return {"travel": artifact.travel.value}
    named: dict[str, Any] = (
        {} if artifact.dataset == artifact.key else {"dataset": artifact.dataset}
    )
    if artifact.metadata:
        named["metadata"] = dict(artifact.metadata)
    if not artifact.producer and artifact.type == METRICS:
        named["metrics"] = True
    if not artifact.producer and artifact.room != ROOM:
        named["room"] = artifact.room
    if artifact.travel is Travel.OBJECT:
        return named if len(named) > 1 or "dataset" not in named else str(named["dataset"])
    if artifact.travel is Travel.FILE:
        named["path"] = artifact.path
    elif not artifact.producer and artifact.uri:
        named["uri"] = artifact.uri
        if artifact.versioned:
            named["versioned"] = True
    return {"travel": artifact.travel.value, **named}


def _parameter(parameter: Parameter) -> dict[str, Any] | str:
    if parameter.path == (parameter.key,):
        return parameter.type.value
    return {"type": parameter.type.value, "path": list(parameter.path)}


def exact_json(value: Any) -> str:
    """A JSON document that no engine changes: `{{$` is what they substitute, wherever it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace(
        "{{$", "\\u007b\\u007b$"
    )


def parameter_value(type_: ParameterType, value: Any) -> Any:
    """A parameter's value as a spec or a job holds it."""
    return exact_json(value) if type_ is ParameterType.JSON else value
