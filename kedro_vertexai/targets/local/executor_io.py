"""The executor input a task is given, and the executor output it leaves.

The formats are those of `ml_pipelines.ExecutorInput` and `ExecutorOutput` in
https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local import parameters
from kedro_vertexai.targets.local.graph import Task
from kedro_vertexai.targets.local.layout import AttemptPaths, local_path
from kedro_vertexai.targets.results import OutputArtifact


@dataclass(frozen=True)
class InputArtifact:
    """An artifact as its consumer sees it."""

    name: str
    artifact: OutputArtifact


@dataclass(frozen=True)
class Inputs:
    """Everything a task is given."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, InputArtifact] = field(default_factory=dict)


@dataclass(frozen=True)
class Outputs:
    """Everything a task made."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, OutputArtifact] = field(default_factory=dict)


def build_executor_input(task: Task, inputs: Inputs, paths: AttemptPaths) -> dict[str, Any]:
    """Return the executor input of one attempt."""
    return {
        "inputs": {
            "parameterValues": dict(inputs.parameters),
            "artifacts": {
                key: _artifact_list(
                    entry.name,
                    {"schemaTitle": entry.artifact.schema_title},
                    entry.artifact.uri,
                    entry.artifact.metadata,
                )
                for key, entry in inputs.artifacts.items()
            },
        },
        "outputs": {
            "parameters": {
                key: {"outputFile": str(paths.parameter(key))} for key in task.output_parameters
            },
            "artifacts": {
                key: _artifact_list(
                    artifact_name(task.name, key),
                    declared.schema,
                    str(paths.artifact(key)),
                    declared.metadata,
                )
                for key, declared in task.output_artifacts.items()
            },
            "outputFile": str(paths.executor_output),
        },
    }


def artifact_name(task: str, key: str) -> str:
    """Return the name under which consumers see an output artifact."""
    return f"{task}.{key}"


def read_outputs(task: Task, paths: AttemptPaths) -> Outputs:
    """Return what a task that ended well has left.

    Raises:
        TaskError: if it left less than it declares, or something unreadable.
    """
    written = _read_executor_output(paths)
    return Outputs(
        parameters={
            key: _output_parameter(key, parameter_type, paths, written)
            for key, parameter_type in task.output_parameters.items()
        },
        artifacts={
            key: _output_artifact(task, key, paths, written) for key in task.output_artifacts
        },
    )


def _artifact_list(
    name: str, schema: Mapping[str, Any], uri: str, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    artifact = {"name": name, "type": dict(schema), "uri": uri, "metadata": dict(metadata)}
    return {"artifacts": [artifact]}


def _read_executor_output(paths: AttemptPaths) -> Mapping[str, Any]:
    try:
        written = json.loads(paths.executor_output.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TaskError(f"the task wrote an executor output that is no JSON: {error}") from error
    if not isinstance(written, dict):
        raise TaskError("the task wrote an executor output that is no JSON object")
    return written


def _mapping(container: Any, key: str) -> Mapping[str, Any]:
    """Return a JSON object inside another, empty where there is none."""
    value = container.get(key)
    if value is not None and not isinstance(value, dict):
        raise TaskError(f"the task wrote an executor output in which '{key}' is no JSON object")
    return value or {}


def _output_parameter(
    key: str, parameter_type: str, paths: AttemptPaths, written: Mapping[str, Any]
) -> Any:
    values = _mapping(written, "parameterValues")
    try:
        if key in values:
            return parameters.coerce(parameter_type, values[key])
        return parameters.parse(parameter_type, paths.parameter(key).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TaskError(f"the task ended well but wrote no output parameter '{key}'") from None
    except ValueError as error:
        raise TaskError(f"output parameter '{key}': {error}") from error


def _output_artifact(
    task: Task, key: str, paths: AttemptPaths, written: Mapping[str, Any]
) -> OutputArtifact:
    declared = task.output_artifacts[key]
    found = _mapping(_mapping(written, "artifacts"), key).get("artifacts")
    told = found[0] if found else {}
    output = OutputArtifact(
        uri=told.get("uri") or str(paths.artifact(key)),
        metadata={**declared.metadata, **_mapping(told, "metadata")},
        schema_title=declared.schema.get("schemaTitle", ""),
    )
    path = local_path(output.uri)
    if not output.is_absent and path is not None and not path.exists():
        raise TaskError(f"the task ended well but did not write its output '{key}' to {path}")
    return output
