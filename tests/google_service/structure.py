"""The tasks of a spec by the names that the local engine and Vertex AI give them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """A task or sub-DAG; `name` is unique, `parent` is the sub-DAG's name or empty."""

    name: str
    task_name: str
    unique_name: str
    parent: str
    schema_title: str
    """Of its execution in Vertex ML Metadata."""

    @property
    def is_dag(self) -> bool:
        return self.schema_title == "system.DagExecution"

    @property
    def is_container(self) -> bool:
        return self.schema_title == "system.ContainerExecution"


def task_tree(spec: Mapping[str, Any]) -> list[Node]:
    """Every task, parents first."""
    found = list(_walk(spec, spec.get("root", {}), ()))
    counts = Counter(path[-1] for path, _ in found)

    def name(path: tuple[str, ...]) -> str:
        if not path:
            return ""
        return path[-1] if counts[path[-1]] == 1 else ".".join(path)

    return [
        Node(name(path), path[-1], ".".join(path), name(path[:-1]), title) for path, title in found
    ]


def _walk(
    spec: Mapping[str, Any], component: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, task in component.get("dag", {}).get("tasks", {}).items():
        inner = spec.get("components", {}).get(task["componentRef"]["name"], {})
        if "dag" in inner:
            yield (*path, name), "system.DagExecution"
            yield from _walk(spec, inner, (*path, name))
        else:
            executors = spec.get("deploymentSpec", {}).get("executors", {})
            executor = executors.get(inner.get("executorLabel", ""), {})
            kind = "Container" if "container" in executor else "Importer"
            yield (*path, name), f"system.{kind}Execution"
