"""Each task of a plan as KFP's pair: a component, and the task that says where inputs come from."""

from __future__ import annotations

from collections.abc import Iterable

from kedro_vertexai.artifact_metadata import beside_ours
from kedro_vertexai.plan.model import (
    START_RUN,
    Artifact,
    Parameter,
    ParameterType,
    Plan,
    Reference,
    Retry,
    StagedInput,
    Task,
)
from kedro_vertexai.spec.executors import Executors, Json
from kedro_vertexai.spec.task_document import task_document
from kedro_vertexai.staging import staged_uri
from kedro_vertexai.task_inputs import JOB, JOB_ID, JOB_NAME, TASK

_ARTIFACT_VERSION = "0.0.1"

# The only form in which every engine resolves them: the whole constant of a task's input
# (kubeflow/pipelines#11599).
_IDENTITY = {JOB_NAME: "{{$.pipeline_job_name}}", JOB_ID: "{{$.pipeline_job_uuid}}"}

PARAMETER_TYPES = {
    ParameterType.STRING: "STRING",
    ParameterType.INTEGER: "NUMBER_INTEGER",
    ParameterType.DOUBLE: "NUMBER_DOUBLE",
    ParameterType.BOOLEAN: "BOOLEAN",
    ParameterType.JSON: "STRING",
}


def node_task(task: Task, plan: Plan, component: str) -> Json:
    """The task of Kedro nodes."""
    producers = {artifact.producer for artifact in task.inputs if artifact.producer}
    dependencies = sorted(producers | set(task.after))
    if plan.tracked:
        dependencies.insert(0, START_RUN)
    inputs: Json = {
        "parameters": {
            **_job_inputs(task, plan),
            TASK: {"runtimeValue": {"constant": task_document(task)}},
            **passed_on(task.parameters),
        }
    }
    if artifacts := {a.key: _artifact_source(a) for a in task.inputs if a.producer}:
        inputs["artifacts"] = artifacts
    return {
        "taskInfo": {"name": task.title},
        "componentRef": {"name": component},
        **({"dependentTasks": dependencies} if dependencies else {}),
        "inputs": inputs,
        **({"cachingOptions": {"enableCache": True}} if task.caching else {}),
        **retry_policy(task.retry),
    }


def node_component(task: Task, plan: Plan, executors: Executors) -> Json:
    """The component of Kedro nodes."""
    component: Json = {
        "executorLabel": executors.container("task", task),
        "inputDefinitions": {
            "parameters": {
                **strings([*_job_inputs(task, plan), TASK]),
                **parameter_types(task.parameters),
            }
        },
    }
    if inputs := {a.key: _artifact_type(a.type) for a in task.inputs if a.producer}:
        component["inputDefinitions"]["artifacts"] = inputs
    if task.outputs:
        component["outputDefinitions"] = output_artifacts(task)
    return component


def output_artifacts(task: Task) -> Json:
    """The definitions of what a task leaves."""
    outputs = {artifact.key: _artifact_type(artifact.type) for artifact in task.outputs}
    return {"artifacts": outputs} if outputs else {}


def importer_task(imported: StagedInput | Reference, component: str) -> Json:
    """The task that hands over what no task writes."""
    return {"taskInfo": {"name": f"input {imported.dataset}"}, "componentRef": {"name": component}}


def importer_component(imported: StagedInput | Reference, executors: Executors, root: str) -> Json:
    """The component that hands it over; engines run no container for it."""
    type_ = _artifact_type(imported.type)
    metadata: Json = {
        **beside_ours(imported.metadata, imported.dataset),
        "dataset": imported.dataset,
    }
    if isinstance(imported, Reference):
        uri = imported.uri
    else:
        uri = staged_uri(root, imported)
        if imported.empty:
            metadata["empty"] = True
    importer = {
        "artifactUri": {"constant": uri},
        "typeSchema": type_["artifactType"],
        "metadata": metadata,
    }
    return {
        "executorLabel": executors.add(imported.task, {"importer": importer}),
        "outputDefinitions": {"artifacts": {"artifact": type_}},
    }


def identity() -> Json:
    """The inputs that name the job."""
    return {key: {"runtimeValue": {"constant": value}} for key, value in _IDENTITY.items()}


def passed_on(parameters: Iterable[Parameter]) -> Json:
    """Inputs that take the pipeline's own, under the same names."""
    return {p.key: {"componentInputParameter": p.key} for p in parameters}


def parameter_types(parameters: Iterable[Parameter]) -> Json:
    """The definitions of inputs that always get a value."""
    return {p.key: {"parameterType": PARAMETER_TYPES[p.type]} for p in parameters}


def strings(keys: Iterable[str]) -> Json:
    """The definitions of strings."""
    return {key: {"parameterType": "STRING"} for key in keys}


def _job_inputs(task: Task, plan: Plan) -> Json:
    """What tells a task its job: in a tracked one the first task's word, MLflow's run with it.

    A cached task may know nothing of its job, or it would never be found again.
    """
    if plan.tracked:
        return {
            JOB: {"taskOutputParameter": {"producerTask": START_RUN, "outputParameterKey": JOB}}
        }
    return {} if task.caching else identity()


def _artifact_source(artifact: Artifact) -> Json:
    return {
        "taskOutputArtifact": {
            "producerTask": artifact.producer,
            "outputArtifactKey": artifact.producer_key,
        }
    }


def _artifact_type(title: str) -> Json:
    return {"artifactType": {"schemaTitle": title, "schemaVersion": _ARTIFACT_VERSION}}


def retry_policy(retry: Retry) -> Json:
    """How an engine tries a failed task again."""
    if not retry.count:
        return {}
    return {
        "retryPolicy": {
            "maxRetryCount": retry.count,
            "backoffDuration": f"{retry.backoff:g}s",
            "backoffFactor": retry.factor,
            "backoffMaxDuration": f"{retry.max_backoff:g}s",
        }
    }
