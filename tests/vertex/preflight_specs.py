"""Small specs of one task, for the checks that look at nothing else."""

from __future__ import annotations

from typing import Any

IMAGE = "europe-west1-docker.pkg.dev/my-project/kedro/image:1"


def spec_of(
    *,
    image: str = IMAGE,
    args: tuple[str, ...] = ("task", "{{$}}"),
    resources: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    inputs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A spec whose task `train` has these arguments, resources and parameters.

    Args:
        image: of its container.
        args: of its container.
        resources: of its container.
        given: the task's parameters, by key: where each comes from.
        inputs: definitions of the pipeline's inputs.
    """
    container: dict[str, Any] = {"image": image, "args": list(args)}
    if resources:
        container["resources"] = resources
    task = {
        "taskInfo": {"name": "train"},
        "componentRef": {"name": "comp-train"},
        "inputs": {"parameters": given or {}},
    }
    return {
        "pipelineInfo": {"name": "shop"},
        "root": {
            "dag": {"tasks": {"train": task}},
            "inputDefinitions": {"parameters": inputs or {}},
        },
        "components": {"comp-train": {"executorLabel": "exec-task"}},
        "deploymentSpec": {"executors": {"exec-task": {"container": container}}},
    }


def constant(value: Any) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def accelerator(kind: str, count: int = 1) -> dict[str, Any]:
    return {"accelerator": {"type": kind, "count": str(count)}}
