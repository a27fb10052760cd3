"""A pipeline as the local target runs it: tasks, and what each needs from which other."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.limits import Limits


@dataclass(frozen=True)
class Constant:
    """A value written in the spec; a whole-string job placeholder in it is resolved."""

    value: Any


@dataclass(frozen=True)
class Default:
    """A component's own default for an input that nobody gives."""

    value: Any


@dataclass(frozen=True)
class PipelineParameter:
    """The value the job was given for an input of the pipeline."""

    name: str


@dataclass(frozen=True)
class ParameterOf:
    """An output parameter of another task."""

    task: str
    key: str


@dataclass(frozen=True)
class FinalStatusOf:
    """How a task, or a whole sub-DAG, ended."""

    name: str
    """Name of that task or sub-DAG in the spec."""
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class ArtifactOf:
    """An output artifact of another task."""

    task: str
    key: str


ParameterSource = Constant | Default | PipelineParameter | ParameterOf | FinalStatusOf


@dataclass(frozen=True)
class ContainerExecutor:
    """What to run in a container."""

    image: str
    argv: tuple[str, ...]
    """Command and arguments, with placeholders."""
    env: Mapping[str, str]
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class ImporterExecutor:
    """An artifact that exists already."""

    uri: str | None
    """None: the URI is the value of the input parameter `uri_parameter`."""
    uri_parameter: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class ArtifactOutput:
    """An output artifact as its component declares it."""

    schema: Mapping[str, Any]
    """`schemaTitle` and perhaps `schemaVersion`."""
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed task is tried again; the defaults are those of the protobuf message."""

    max_retries: int = 0
    backoff: float = 0.0
    """Seconds before the first retry."""
    factor: float = 2.0
    max_backoff: float = 3600.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after attempt number `attempt` (from 1) failed."""
        if self.backoff <= 0:
            return 0.0
        try:
            return min(self.backoff * self.factor ** (attempt - 1), self.max_backoff)
        except OverflowError:
            return self.max_backoff


@dataclass(frozen=True)
class Task:
    """A task without any DAG around it."""

    name: str
    display_name: str
    executor: ContainerExecutor | ImporterExecutor
    parameters: Mapping[str, ParameterSource] = field(default_factory=dict)
    parameter_types: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, ArtifactOf] = field(default_factory=dict)
    output_parameters: Mapping[str, str] = field(default_factory=dict)
    """Type of each output parameter."""
    output_artifacts: Mapping[str, ArtifactOutput] = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    """Names of the tasks that must end before this one."""
    runs_after_failure: bool = False
    """Starts once all upstream tasks ended, however they ended."""
    is_exit_handler: bool = False
    """Runs even if the job is stopped."""
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True)
class Graph:
    """A pipeline without sub-DAGs."""

    name: str
    tasks: Mapping[str, Task]
    """By name, in topological order."""
    parameters: Mapping[str, Any]
    """`inputDefinitions.parameters` of the pipeline."""


def in_topological_order(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks so that each follows its upstream, otherwise in the order given.

    Raises:
        RunError: if tasks wait for each other.
    """
    names = list(tasks)
    index = {name: position for position, name in enumerate(names)}
    waiting_for = {name: len(task.upstream) for name, task in tasks.items()}
    dependents: dict[str, list[str]] = {name: [] for name in names}
    for name, task in tasks.items():
        for upstream in task.upstream:
            dependents[upstream].append(name)
    ready = [index[name] for name in names if not waiting_for[name]]
    ordered: dict[str, Task] = {}
    while ready:
        name = names[heapq.heappop(ready)]
        ordered[name] = tasks[name]
        for dependent in dependents[name]:
            waiting_for[dependent] -= 1
            if not waiting_for[dependent]:
                heapq.heappush(ready, index[dependent])
    if len(ordered) < len(tasks):
        stuck = sorted(set(tasks) - set(ordered))
        raise RunError(f"pipeline spec: these tasks wait for each other: {', '.join(stuck[:5])}")
    return ordered
