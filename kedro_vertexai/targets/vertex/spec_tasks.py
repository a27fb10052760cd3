"""The tasks of a pipeline spec, with what runs each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SpecTask = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""Name, task and component."""


def spec_tasks(spec: Mapping[str, Any]) -> Iterator[SpecTask]:
    """Each task of each pipeline in a spec, those that are pipelines themselves included."""
    components = spec.get("components", {})
    for dag in (spec.get("root", {}), *components.values()):
        for name, task in dag.get("dag", {}).get("tasks", {}).items():
            yield name, task, components.get(task.get("componentRef", {}).get("name"), {})
