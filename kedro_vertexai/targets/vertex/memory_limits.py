"""How much memory the tasks of a job may use, which Vertex AI does not tell of a task that died."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kedro_vertexai.targets.vertex.rerun import spec_of

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

# https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto (memory_limit)
_BYTES_PER_GB = 1_000_000_000


def memory_limits(job: PipelineJob) -> dict[str, int]:
    """Return the limits in bytes by task, of those that have one; empty without the job's spec."""
    spec = spec_of(job)
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    limits = {}
    for name, component in _tasks(spec):
        container = executors.get(component.get("executorLabel"), {}).get("container", {})
        if memory := container.get("resources", {}).get("memoryLimit"):
            limits[name] = round(float(memory) * _BYTES_PER_GB)
    return limits


def _tasks(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each task of each of its pipelines, with the task's component."""
    components = spec.get("components", {})
    for dag in (spec.get("root", {}), *components.values()):
        for name, task in dag.get("dag", {}).get("tasks", {}).items():
            yield name, components.get(task.get("componentRef", {}).get("name"), {})
