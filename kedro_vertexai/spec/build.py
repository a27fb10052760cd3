"""A `Plan` as a KFP v2 pipeline spec: plain data in the shape of KFP's protobuf schema.

https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from kedro_vertexai.plan.model import (
    EXIT_HANDLER,
    FINISH_RUN,
    START_RUN,
    Artifact,
    Parameter,
    ParameterType,
    Plan,
    Resources,
    Retry,
    StagedInput,
    Task,
    Travel,
)
from kedro_vertexai.plan.quantity import quantity
from kedro_vertexai.spec.dialect import VERTEX, Dialect
from kedro_vertexai.spec.task_document import parameter_value, task_document
from kedro_vertexai.staging import staged_uri

Json = dict[str, Any]

# The schema that this module writes: the Kubeflow backend pins it.
SCHEMA_VERSION = "2.1.0"
SDK_VERSION = "kfp-2.17.0"
_ARTIFACT_VERSION = "0.0.1"

# Keys of a component's inputs that are ours: no cleaned name has two underscores in a row.
TASK = "kedro__task"
JOB_NAME = "job__name"
JOB_ID = "job__id"
RUN_ID = "mlflow__run_id"
STATUS = "job__status"
RUN = "mlflow__run"

# The only form in which every engine resolves them: the whole constant of a task's input
# (kubeflow/pipelines#11599).
_IDENTITY = {JOB_NAME: "{{$.pipeline_job_name}}", JOB_ID: "{{$.pipeline_job_uuid}}"}

_PARAMETER_TYPES = {
    ParameterType.STRING: "STRING",
    ParameterType.INTEGER: "NUMBER_INTEGER",
    ParameterType.DOUBLE: "NUMBER_DOUBLE",
    ParameterType.BOOLEAN: "BOOLEAN",
    ParameterType.JSON: "STRING",
}


def build_spec(plan: Plan, *, root: str, dialect: Dialect = VERTEX) -> Json:
    """Write the plan as a pipeline spec.

    Args:
        plan: what will run.
        root: URL or path under which artifacts and staged inputs lie.
        dialect: the engine that reads it.
    """
    executors = _Executors(plan, dialect)
    components: dict[str, Json] = {}
    tasks: dict[str, Json] = {}
    if plan.tracked:
        tasks[START_RUN], components[_component(START_RUN)] = _start_run(plan, executors)
    for staged in plan.staged:
        tasks[staged.task] = _importer_task(staged)
        components[_component(staged.task)] = _importer_component(staged, executors, root)
    for task in plan.tasks:
        tasks[task.name] = _task(task, plan)
        components[_component(task.name)] = _task_component(task, plan, executors)
    inputs = _input_definitions(plan.parameters)
    if plan.tracked:
        tasks = _with_exit_handler(plan, tasks, components, executors)
    return {
        "pipelineInfo": {"name": plan.name}
        | ({"description": plan.description} if plan.description else {}),
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": SDK_VERSION,
        "root": {"dag": {"tasks": tasks}} | inputs,
        "components": components,
        "deploymentSpec": {"executors": executors.by_label},
        **({"defaultPipelineRoot": root} if root else {}),
    }


def job_values(plan: Plan) -> Json:
    """This run's parameter values, in the form of the spec's inputs."""
    types = {parameter.key: parameter.type for parameter in plan.parameters}
    return {key: parameter_value(types[key], value) for key, value in plan.values.items()}


class _Executors:
    """The containers, each written once however many components run it."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        self.by_label: dict[str, Json] = {}
        self._labels: dict[str, str] = {}
        self._count: Counter[str] = Counter()
        self._plan = plan
        self._dialect = dialect

    def container(self, command: str, resources: Resources | None = None) -> str:
        """The label of the container that runs one of the runtime's commands."""
        plan = self._plan
        args = [command, "--env", plan.env, "--pipeline", plan.pipeline]
        if plan.dynamic_config:
            args.append("--dynamic-config")
        for alias in plan.host_aliases:
            args += ["--host-alias", alias]
        environment = [
            {"name": name, "value": value} for name, value in plan.environment.items() if value
        ]
        container: Json = {
            "image": plan.image,
            "command": ["python", "-m", "kedro_vertexai.runtime"],
            "args": [*args, "{{$}}"],
            "env": environment,
        }
        if resources and (limits := _limits(resources, self._dialect)):
            container["resources"] = limits
        return self.add(command, {"container": container})

    def add(self, name: str, executor: Json) -> str:
        """The label of this executor, new for a new one: `exec-task`, `exec-task-2`."""
        identity = json.dumps(executor, sort_keys=True)
        if identity not in self._labels:
            self._count[name] += 1
            number = f"-{self._count[name]}" if self._count[name] > 1 else ""
            self._labels[identity] = f"exec-{name}{number}"
            self.by_label[self._labels[identity]] = executor
        return self._labels[identity]


def _limits(resources: Resources, dialect: Dialect) -> Json:
    """Both spellings of each limit: older backends read one, newer ones the other.

    kubeflow/pipelines#11374 and #11390. The first counts vCPUs and gigabytes (10^9 bytes).
    """
    limits: Json = {}
    if resources.cpu:
        limits |= {"cpuLimit": quantity(resources.cpu), "resourceCpuLimit": resources.cpu}
    if resources.memory:
        limits["memoryLimit"] = quantity(resources.memory) / 1e9
        limits["resourceMemoryLimit"] = resources.memory
    if resources.accelerator and resources.accelerator_count:
        type_, count = dialect.accelerator(resources.accelerator), str(resources.accelerator_count)
        limits["accelerator"] = {
            "type": type_,
            "count": count,
            "resourceType": type_,
            "resourceCount": count,
        }
    return limits


def _task(task: Task, plan: Plan) -> Json:
    producers = {artifact.producer for artifact in task.inputs if artifact.producer}
    dependencies = sorted(producers | set(task.after))
    parameters: Json = {
        **_identity_inputs(),
        TASK: {"runtimeValue": {"constant": task_document(task)}},
        **{p.key: {"componentInputParameter": p.key} for p in task.parameters},
    }
    if plan.tracked:
        dependencies.insert(0, START_RUN)
        parameters[RUN_ID] = {
            "taskOutputParameter": {"producerTask": START_RUN, "outputParameterKey": RUN_ID}
        }
    inputs: Json = {"parameters": parameters}
    if artifacts := {a.key: _artifact_source(a) for a in task.inputs if a.producer}:
        inputs["artifacts"] = artifacts
    return {
        "taskInfo": {"name": task.title},
        "componentRef": {"name": _component(task.name)},
        **({"dependentTasks": dependencies} if dependencies else {}),
        "inputs": inputs,
        **_caching(plan),
        **_retry_policy(task.retry),
    }


def _task_component(task: Task, plan: Plan, executors: _Executors) -> Json:
    ours = [JOB_NAME, JOB_ID, TASK, *([RUN_ID] if plan.tracked else [])]
    component: Json = {
        "executorLabel": executors.container("task", task.resources),
        "inputDefinitions": {
            "parameters": {
                **_strings(ours),
                **_types(task.parameters),
            }
        },
    }
    if inputs := {a.key: _artifact_type(a.travel) for a in task.inputs if a.producer}:
        component["inputDefinitions"]["artifacts"] = inputs
    if task.outputs:
        outputs = {artifact.key: _artifact_type(artifact.travel) for artifact in task.outputs}
        component["outputDefinitions"] = {"artifacts": outputs}
    return component


def _start_run(plan: Plan, executors: _Executors) -> tuple[Json, Json]:
    """The first task: opens the MLflow run that every other task joins."""
    parameters = [p for p in plan.parameters if not p.path]
    task: Json = {
        "taskInfo": {"name": START_RUN},
        "componentRef": {"name": _component(START_RUN)},
        "inputs": {
            "parameters": {
                **_identity_inputs(),
                **{p.key: {"componentInputParameter": p.key} for p in parameters},
            }
        },
    }
    component = {
        "executorLabel": executors.container(START_RUN),
        "inputDefinitions": {
            "parameters": _strings([JOB_NAME, JOB_ID, *(p.key for p in parameters)])
        },
        "outputDefinitions": {"parameters": _strings([RUN_ID])},
    }
    return task, component


def _with_exit_handler(
    plan: Plan,
    tasks: dict[str, Json],
    components: dict[str, Json],
    executors: _Executors,
) -> dict[str, Json]:
    """Put the tasks into a sub-pipeline, and after it the task that closes the MLflow run."""
    parameters = {p.key: {"componentInputParameter": p.key} for p in plan.parameters}
    runtime = {p.key: parameters[p.key] for p in plan.parameters if not p.path}
    components[_component(EXIT_HANDLER)] = {
        "dag": {"tasks": tasks},
        # No defaults: the pipeline has them and hands every value over.
        **({"inputDefinitions": {"parameters": _types(plan.parameters)}} if parameters else {}),
    }
    components[_component(FINISH_RUN)] = {
        "executorLabel": executors.container(FINISH_RUN),
        "inputDefinitions": {
            "parameters": {
                **_strings([JOB_NAME, JOB_ID, *runtime]),
                STATUS: {"parameterType": "TASK_FINAL_STATUS", "isOptional": True},
            }
        },
        "outputDefinitions": {"parameters": _strings([RUN])},
    }
    return {
        EXIT_HANDLER: {
            "taskInfo": {"name": EXIT_HANDLER},
            "componentRef": {"name": _component(EXIT_HANDLER)},
            **({"inputs": {"parameters": parameters}} if parameters else {}),
        },
        FINISH_RUN: {
            "taskInfo": {"name": FINISH_RUN},
            "componentRef": {"name": _component(FINISH_RUN)},
            "dependentTasks": [EXIT_HANDLER],
            "inputs": {
                "parameters": {
                    **_identity_inputs(),
                    **runtime,
                    STATUS: {"taskFinalStatus": {"producerTask": EXIT_HANDLER}},
                }
            },
            "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
        },
    }


def _importer_task(staged: StagedInput) -> Json:
    return {
        "taskInfo": {"name": staged.dataset},
        "componentRef": {"name": _component(staged.task)},
    }


def _importer_component(staged: StagedInput, executors: _Executors, root: str) -> Json:
    travel = Travel.FILE if staged.content is None else Travel.PARAMETER
    executor = {
        "importer": {
            "artifactUri": {"constant": staged_uri(root, staged)},
            "typeSchema": _artifact_type(travel)["artifactType"],
            "metadata": {"dataset": staged.dataset},
        }
    }
    return {
        "executorLabel": executors.add(staged.task, executor),
        "outputDefinitions": {"artifacts": {"artifact": _artifact_type(travel)}},
    }


def _input_definitions(parameters: Iterable[Parameter]) -> Json:
    definitions = {
        p.key: {
            "parameterType": _PARAMETER_TYPES[p.type],
            "defaultValue": parameter_value(p.type, p.default),
            "isOptional": True,
            **({"description": _description(p)} if p.name != p.key else {}),
        }
        for p in parameters
    }
    return {"inputDefinitions": {"parameters": definitions}} if definitions else {}


def _description(parameter: Parameter) -> str:
    if not parameter.path:
        return "Runtime parameters for the configuration's resolvers, as a JSON object"
    return f"Kedro parameter {parameter.name}"


def _artifact_source(artifact: Artifact) -> Json:
    return {
        "taskOutputArtifact": {
            "producerTask": artifact.producer,
            "outputArtifactKey": artifact.producer_key,
        }
    }


def _artifact_type(travel: Travel) -> Json:
    title = "system.Dataset" if travel is Travel.FILE else "system.Artifact"
    return {"artifactType": {"schemaTitle": title, "schemaVersion": _ARTIFACT_VERSION}}


def _retry_policy(retry: Retry) -> Json:
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


def _caching(plan: Plan) -> Json:
    return {"cachingOptions": {"enableCache": True}} if plan.caching else {}


def _identity_inputs() -> Json:
    return {key: {"runtimeValue": {"constant": value}} for key, value in _IDENTITY.items()}


def _types(parameters: Iterable[Parameter]) -> Json:
    return {p.key: {"parameterType": _PARAMETER_TYPES[p.type]} for p in parameters}


def _strings(keys: Iterable[str]) -> Json:
    return {key: {"parameterType": "STRING"} for key in keys}


def _component(task: str) -> str:
    return f"comp-{task}"
