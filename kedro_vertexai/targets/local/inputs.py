"""What a task is given: the values behind its parameters and artifacts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.executor_io import InputArtifact, Inputs, Outputs, artifact_name
from kedro_vertexai.targets.local.graph import (
    Constant,
    Default,
    FinalStatusOf,
    ParameterOf,
    ParameterSource,
    PipelineParameter,
    Task,
)
from kedro_vertexai.targets.local.parameters import coerce
from kedro_vertexai.targets.local.placeholders import JobIdentity, resolve_constant
from kedro_vertexai.targets.results import JobState

# google.rpc.Code: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CANCELLED = 1
_FAILED_PRECONDITION = 9


@dataclass(frozen=True)
class InputResolver:
    """Finds the inputs of tasks whose producers have all succeeded."""

    identity: JobIdentity
    parameter_values: Mapping[str, Any]
    """Of the pipeline; optional ones may be missing."""
    outputs_of: Callable[[str], Outputs]
    final_status_of: Callable[[FinalStatusOf], Mapping[str, Any]]

    def resolve(self, task: Task) -> Inputs:
        """Return the inputs of a task.

        Raises:
            TaskError: if a value is not of the type that the task declares.
        """
        values = {}
        for key, source in task.parameters.items():
            # An optional parameter of the pipeline without a value is left out here too.
            if isinstance(source, PipelineParameter) and source.name not in self.parameter_values:
                continue
            values[key] = self._checked(task, key, self._value(source))
        artifacts = {
            key: InputArtifact(
                name=artifact_name(source.task, source.key),
                artifact=self.outputs_of(source.task).artifacts[source.key],
            )
            for key, source in task.artifacts.items()
        }
        return Inputs(values, artifacts)

    def _checked(self, task: Task, key: str, value: Any) -> Any:
        if value is None:
            return None
        try:
            return coerce(task.parameter_types.get(key, ""), value)
        except ValueError as error:
            raise TaskError(f"input parameter '{key}' {error}") from error

    def _value(self, source: ParameterSource) -> Any:
        match source:
            case Constant(value):
                return resolve_constant(value, self.identity)
            case Default(value):
                return value
            case PipelineParameter(name):
                return self.parameter_values[name]
            case ParameterOf(task, key):
                return self.outputs_of(task).parameters[key]
            case FinalStatusOf():
                return self.final_status_of(source)


def final_status(
    identity: JobIdentity, source: FinalStatusOf, state: JobState, failed: list[str]
) -> dict[str, Any]:
    """Return a `PipelineTaskFinalStatus`, worded as Vertex AI words it.

    Args:
        identity: the job.
        source: the task or sub-DAG that ended.
        state: how it ended.
        failed: names of the tasks in it that failed.
    """
    error: dict[str, Any] = {}
    if state == "CANCELLED":
        error = {"code": _CANCELLED, "message": "The job was cancelled."}
    elif state == "FAILED":
        message = (
            "The DAG failed because some tasks failed. "
            f"The failed tasks are: [{', '.join(failed)}]."
        )
        error = {"code": _FAILED_PRECONDITION, "message": message}
    return {
        "state": state,
        "pipeline_job_name": identity.name,
        "pipeline_job_resource_name": identity.resource_name,
        "pipeline_task_name": source.name,
        "error": error,
    }
