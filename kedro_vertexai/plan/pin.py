"""Images by their digests, so that a run is what was built or checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kedro_vertexai.plan.model import Plan, Task


def pin_images(plan: Plan, pins: Mapping[str, str]) -> Plan:
    """Give every task of an image its other name.

    Args:
        plan: what will run.
        pins: by image as the plan has it, its name by digest; others stay as they are.
    """

    def pinned(task: Task) -> Task:
        return replace(task, image=pins.get(task.image, task.image))

    on_exit = plan.on_exit and replace(plan.on_exit, task=pinned(plan.on_exit.task))
    return replace(
        plan,
        image=pins.get(plan.image, plan.image),
        tasks=tuple(pinned(task) for task in plan.tasks),
        on_exit=on_exit,
    )
