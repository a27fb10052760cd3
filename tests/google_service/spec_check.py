"""Refuses a pipeline spec that Vertex AI would refuse, and values that do not suit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from google_service.errors import invalid

_SCHEMA_VERSIONS = ("2.0.0", "2.1.0")
_TYPES: dict[str, tuple[type, ...]] = {
    "NUMBER_DOUBLE": (float, int),
    "NUMBER_INTEGER": (float, int),
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def check_spec(document: Mapping[str, Any]) -> None:
    """Read the spec with KFP's message and look into it.

    Raises:
        GoogleError: it is not valid.
    """
    if not document:
        raise invalid("pipeline_spec is required.", "pipeline_job.pipeline_spec")
    try:
        json_format.ParseDict(dict(document), PipelineSpec())
    except json_format.ParseError as error:
        raise _invalid(f"Failed to parse pipeline spec: {error}") from None
    version = document.get("schemaVersion", "")
    if version not in _SCHEMA_VERSIONS:
        raise _invalid(f"Unsupported schema version: '{version}'.")
    if not document.get("pipelineInfo", {}).get("name"):
        raise _invalid("pipelineInfo.name is required.")
    _check_dag(document, document.get("root", {}), "root")


def _check_dag(spec: Mapping[str, Any], component: Mapping[str, Any], where: str) -> None:
    tasks = component.get("dag", {}).get("tasks", {})
    if not tasks:
        raise _invalid(f"{where}: the DAG has no task.")
    components = spec.get("components", {})
    for name, task in tasks.items():
        reference = task.get("componentRef", {}).get("name", "")
        if reference not in components:
            raise _invalid(f"Task '{name}' refers to the unknown component '{reference}'.")
        for other in task.get("dependentTasks", []):
            if other not in tasks:
                raise _invalid(f"Task '{name}' depends on the unknown task '{other}'.")
        _check_inputs(name, task, components[reference])
        _check_producers(name, task, tasks)
        _check_implementation(spec, components[reference], name)


def _check_inputs(name: str, task: Mapping[str, Any], component: Mapping[str, Any]) -> None:
    definitions = component.get("inputDefinitions", {})
    for kind in ("parameters", "artifacts"):
        given = task.get("inputs", {}).get(kind, {})
        declared = definitions.get(kind, {})
        for key in given:
            if key not in declared:
                raise _invalid(f"Task '{name}' is given '{key}', which its component lacks.")
        for key, definition in declared.items():
            optional = definition.get("isOptional") or "defaultValue" in definition
            if key not in given and not optional:
                raise _invalid(f"Task '{name}' is not given its input '{key}'.")


def _check_producers(name: str, task: Mapping[str, Any], tasks: Mapping[str, Any]) -> None:
    for kind in ("parameters", "artifacts"):
        for source in task.get("inputs", {}).get(kind, {}).values():
            for how in ("taskOutputParameter", "taskOutputArtifact", "taskFinalStatus"):
                producer = source.get(how, {}).get("producerTask")
                if producer is not None and producer not in tasks:
                    raise _invalid(f"Task '{name}' reads from the unknown task '{producer}'.")


def _check_implementation(spec: Mapping[str, Any], component: Mapping[str, Any], name: str) -> None:
    if "dag" in component:
        _check_dag(spec, component, name)
        return
    label = component.get("executorLabel", "")
    executor = spec.get("deploymentSpec", {}).get("executors", {}).get(label)
    if not executor:
        raise _invalid(f"Task '{name}': the deployment spec has no executor '{label}'.")
    container = executor.get("container")
    if container is not None and not container.get("image"):
        raise _invalid(f"Task '{name}': the container has no image.")
    for entry in (container or {}).get("env", []):
        # googleapis/python-aiplatform#10110 and its kind: empty values are refused.
        if not entry.get("value"):
            raise _invalid(f"Task '{name}': the variable '{entry.get('name')}' is empty.")


def check_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse unknown, missing and wrongly typed values of the pipeline's parameters.

    Raises:
        GoogleError: in such a case.
    """
    root = document.get("root", {})
    declared = root.get("inputDefinitions", {}).get("parameters", {})
    for name, value in values.items():
        if name not in declared:
            raise invalid(
                f"Input parameter '{name}' is not defined in the pipeline.",
                "pipeline_job.runtime_config.parameter_values",
            )
        _check_type(name, declared[name], value)
    for name, definition in declared.items():
        optional = definition.get("isOptional") or "defaultValue" in definition
        if name not in values and not optional:
            raise invalid(
                f"Input parameter '{name}' is required and has no value.",
                "pipeline_job.runtime_config.parameter_values",
            )


def _check_type(name: str, definition: Mapping[str, Any], value: Any) -> None:
    kind = definition.get("parameterType", "")
    expected = _TYPES.get(kind)
    if expected is None or (value is None and definition.get("isOptional")):
        return
    wrong = not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected)
    if kind == "NUMBER_INTEGER" and isinstance(value, float):
        wrong = not value.is_integer()
    if wrong:
        raise invalid(
            f"Input parameter '{name}' must be of type {kind}.",
            "pipeline_job.runtime_config.parameter_values",
        )


def _invalid(message: str) -> Exception:
    return invalid(f"Invalid pipeline spec: {message}", "pipeline_job.pipeline_spec")
