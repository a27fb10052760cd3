"""How much memory the tasks of a job may use, which Vertex AI does not tell of a task that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro_vertexai.targets.vertex.rerun import spec_of
from kedro_vertexai.targets.vertex.spec_tasks import spec_tasks

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

# https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto (memory_limit)
_BYTES_PER_GB = 1_000_000_000


def memory_limits(job: PipelineJob) -> dict[str, int]:
    """Return the limits in bytes by task, of those that have one; empty without the job's spec."""
    spec = spec_of(job)
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    limits = {}
    for name, _, component in spec_tasks(spec):
        container = executors.get(component.get("executorLabel"), {}).get("container", {})
        if memory := container.get("resources", {}).get("memoryLimit"):
            limits[name] = round(float(memory) * _BYTES_PER_GB)
    return limits
