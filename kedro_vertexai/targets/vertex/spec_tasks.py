"""The tasks of a pipeline spec, with what runs each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

SpecTask = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""Name, task and component."""


def spec_tasks(spec: Mapping[str, Any]) -> Iterator[SpecTask]:
    """Each task of each pipeline in a spec, those that are pipelines themselves included."""
    components = spec.get("components", {})
    for dag in (spec.get("root", {}), *components.values()):
        for name, task in dag.get("dag", {}).get("tasks", {}).items():
            yield name, task, components.get(task.get("componentRef", {}).get("name"), {})


def task_titles(spec: Mapping[str, Any]) -> dict[str, str]:
    """The user's own names by those of the spec, of all tasks that run something.

    They stand in an order in which they may run.
    """
    tasks = {name: task for name, task, component in spec_tasks(spec) if "dag" not in component}
    waits_for = {
        name: sorted(task.get("dependentTasks", ())) for name, task in sorted(tasks.items())
    }
    order = [name for name in TopologicalSorter(waits_for).static_order() if name in tasks]
    # The last task waits for a pipeline in which the others are.
    order.sort(key=lambda name: any(other not in tasks for other in waits_for[name]))
    return {name: tasks[name].get("taskInfo", {}).get("name", name) for name in order}
