"""Plans of many tasks: components that tasks share, so that the spec stays small.

Kubeflow keeps a run as one object of at most 1.5 MiB in etcd (kubeflow/pipelines#13738), and
nobody reads a graph of that size by its artifacts' names.
"""

from __future__ import annotations

from dataclasses import replace

from kedro_vertexai.plan.model import Artifact, Plan, Task, Travel

# Up to so many tasks, each has a component with its node's and its datasets' names.
SHARE_FROM = 200


def with_common_keys(plan: Plan) -> Plan:
    """Name each task's artifacts by position: tasks alike then have equal components.

    No cleaned name has two underscores in a row, so no parameter has such a key.
    """
    keys = {
        (task.name, artifact.key): f"out__{number}"
        for task in plan.tasks
        for number, artifact in enumerate(task.outputs, 1)
    }
    return replace(plan, tasks=tuple(_renamed(task, keys) for task in plan.tasks))


def _renamed(task: Task, keys: dict[tuple[str, str], str]) -> Task:
    return replace(
        task,
        inputs=tuple(_input(a, number, keys) for number, a in enumerate(task.inputs, 1)),
        outputs=tuple(replace(a, key=keys[task.name, a.key]) for a in task.outputs),
    )


def _input(artifact: Artifact, number: int, keys: dict[tuple[str, str], str]) -> Artifact:
    source = keys.get((artifact.producer, artifact.producer_key), artifact.producer_key)
    # A large parameter keeps the key under which it is known as an input of the pipeline.
    key = artifact.key if artifact.travel is Travel.PARAMETER else f"in__{number}"
    return replace(artifact, key=key, producer_key=source)
