"""Keys that users look for and that a container task of Vertex AI Pipelines cannot honour.

What there is to honour them with are the messages of its API: PipelineTaskSpec and
PipelineContainerSpec in
https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto (resources,
retries, caching, and no more of a machine), and PipelineJob.RuntimeConfig in
https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs.
Custom training jobs have such fields, and no task of a compiled Kedro pipeline is one.
"""

from __future__ import annotations

_NO_TASK = "a task of Vertex AI Pipelines"
_MACHINE = (
    f"{_NO_TASK} takes no machine type: the machine is chosen from its limits, so set cpu, memory "
    "and gpu under run_config.resources"
)
_SPOT = (
    f"{_NO_TASK} cannot ask for a Spot machine: what makes it cheaper is less cpu and memory "
    "under run_config.resources, or nodes that share a task (run_config.grouping)"
)
_DISK = (
    f"{_NO_TASK} takes no disk size: let datasets that do not fit go to a remote place in the "
    "catalog (gs://...) in partitions, or ask for memory under run_config.resources"
)
_PERSISTENT = (
    f"{_NO_TASK} cannot be put on a persistent resource with version 1 of the API: to start "
    "fewer machines, let nodes share a task (run_config.grouping)"
)
_TIMEOUT = (
    f"{_NO_TASK} takes no timeout: end the work in the node itself; to follow a whole run for a "
    "limited time, use run-once --wait --timeout SECONDS"
)
_ACCELERATOR = (
    "the type of accelerator stands under run_config.node_selectors, and how many as gpu under "
    "run_config.resources"
)
_REASONS: dict[str, str] = {
    **dict.fromkeys(("machine", "machine_type", "machine_spec", "instance_type"), _MACHINE),
    **dict.fromkeys(("spot", "use_spot", "preemptible", "scheduling_strategy"), _SPOT),
    **dict.fromkeys(
        ("disk", "disk_size", "disk_size_gb", "disk_type", "disk_spec", "boot_disk_size_gb",
         "boot_disk_type", "boot_disk_size", "ephemeral_storage"),
        _DISK,
    ),
    **dict.fromkeys(("persistent_resource", "persistent_resource_id"), _PERSISTENT),
    **dict.fromkeys(("timeout", "timeout_seconds", "max_run_duration", "deadline"), _TIMEOUT),
    **dict.fromkeys(
        ("accelerator", "accelerator_type", "accelerator_count", "gpu_type"), _ACCELERATOR
    ),
}  # fmt: skip


def unsupported(key: str) -> str | None:
    """Why there can be no such key, and what to do instead; None for a key that is a slip."""
    return _REASONS.get(key.lower().replace("-", "_"))
