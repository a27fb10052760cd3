"""The pipeline spec and the job around it are what Vertex AI and Linux take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.preflight.finding import Finding, error, note
from kedro_vertexai.targets.vertex.preflight.subject import Subject
from kedro_vertexai.targets.vertex.spec_tasks import spec_tasks

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
MAX_DISPLAY_NAME = 128  # characters
MAX_LABEL = 64  # characters
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
MAX_LABELS = 64
_LABEL = re.compile(r"[\w-]*")
# Linux refuses one argument of this many bytes or more: MAX_ARG_STRLEN of linux/binfmts.h
MAX_ARGUMENT = 128 * 1024
_PLACEHOLDER = "{{$}}"


def check_spec(_clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """Findings about sizes, names and labels.

    No limit on a spec's size or number of tasks is documented, so none is checked.
    """
    yield from _check_names(subject)
    yield from _check_arguments(subject)
    size = len(json.dumps(subject.spec, separators=(",", ":")).encode())
    tasks = sum(1 for _ in _tasks(subject.spec))
    yield note(f"the pipeline spec has {tasks} task{'s' * (tasks != 1)}, {size / 1000:.0f} kB")


def _check_names(subject: Subject) -> Iterator[Finding]:
    if len(subject.display_name) > MAX_DISPLAY_NAME:
        yield error(
            f"the job's display name has {len(subject.display_name)} characters, "
            f"Vertex AI takes {MAX_DISPLAY_NAME}"
        )
    if len(subject.labels) > MAX_LABELS:
        yield error(
            f"the job has {len(subject.labels)} labels, Vertex AI takes {MAX_LABELS}",
            "remove some of run_config.labels",
        )
    for key, value in subject.labels.items():
        if not key or not key[0].isalpha() or not (_is_label(key) and _is_label(value)):
            yield error(
                f"label '{key}: {value}' is refused by Vertex AI",
                "use lowercase letters, digits, _ and -, at most 64, and a letter first in the key",
            )


def _is_label(text: str) -> bool:
    return len(text) <= MAX_LABEL and text == text.lower() and bool(_LABEL.fullmatch(text))


def _check_arguments(subject: Subject) -> Iterator[Finding]:
    """Each container's own arguments, and `{{$}}`: all that a task is given, as one of them."""
    for label, container in subject.containers:
        for argument in container.get("args", ()):
            size = len(str(argument).encode())
            if size >= MAX_ARGUMENT:
                yield _too_long(next(iter(subject.readers(label)), label), size)
    for component, task, given in _tasks(subject.spec):
        size = _input_size(component, given, subject)
        if size >= MAX_ARGUMENT:
            yield _too_long(task, size)


def _too_long(task: str, size: int) -> Finding:
    return error(
        f"task {task} gets {size / 1024:.0f} KiB as one argument, Linux takes less than 128",
        "put large parameter values in conf, where they travel as a file, or in a dataset",
    )


def _tasks(spec: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    """Each task that is not a pipeline of its own: its component, name and parameters."""
    for name, task, component in spec_tasks(spec):
        if "dag" not in component:
            yield component, name, task.get("inputs", {}).get("parameters", {})


def _input_size(
    component: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]], subject: Subject
) -> int:
    """Bytes of the parameters in `{{$}}`; 0 for a container that does not get it."""
    executors = subject.spec.get("deploymentSpec", {}).get("executors", {})
    container = executors.get(component.get("executorLabel"), {}).get("container", {})
    if _PLACEHOLDER not in container.get("args", ()):
        return 0
    values = {name: _value(source, subject) for name, source in given.items()}
    return len(json.dumps(values, ensure_ascii=False).encode())


def _value(source: Mapping[str, Any], subject: Subject) -> Any:
    """A parameter's value as far as it is known before the job: a constant or a job's input.

    Inputs of a sub-pipeline have the names of the pipeline's.
    """
    if "runtimeValue" in source:
        return source["runtimeValue"].get("constant")
    name = source.get("componentInputParameter", "")
    if name in subject.values:
        return subject.values[name]
    inputs = subject.spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    return inputs.get(name, {}).get("defaultValue")
