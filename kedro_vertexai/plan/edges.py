"""What crosses task boundaries: who writes and who reads each dataset, and how it travels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from kedro_vertexai.catalog import Kind, is_parameter
from kedro_vertexai.plan.groups import Group
from kedro_vertexai.plan.model import Artifact, Travel
from kedro_vertexai.plan.names import keys
from kedro_vertexai.project import Project

_TRAVEL = {Kind.MEMORY: Travel.OBJECT, Kind.LOCAL: Travel.FILE, Kind.REMOTE: Travel.REFERENCE}


@dataclass
class Edges:
    """Producers and consumers by dataset name, and each dataset's key in every component.

    A group that reads what it has written itself is no consumer.
    """

    producer: dict[str, Group] = field(default_factory=dict)
    consumers: dict[str, list[Group]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def unwritten(self) -> list[str]:
        """Datasets that are read and that no task writes, sorted."""
        return sorted(name for name in self.consumers if name not in self.producer)


def find_edges(project: Project, groups: Iterable[Group], taken: Collection[str]) -> Edges:
    """Find what the groups pass to each other.

    Args:
        project: names the datasets.
        groups: all groups of the plan.
        taken: keys that parameters have: a component's inputs share one set of names.
    """
    edges = Edges(keys=keys(project.datasets, reserved=taken))
    for group in groups:
        for dataset in group.outputs:
            edges.producer[dataset] = group
    for group in groups:
        for dataset in group.inputs:
            if not is_parameter(dataset) and edges.producer.get(dataset) is not group:
                edges.consumers.setdefault(dataset, []).append(group)
    return edges


def inputs_of(
    group: Group, project: Project, edges: Edges, importers: Mapping[str, str]
) -> tuple[Artifact, ...]:
    """The artifacts a task reads: other tasks' outputs, and what importers hand over.

    Args:
        group: the task's nodes.
        project: says what each dataset is.
        edges: who writes what.
        importers: by dataset, the task that hands over what lies on the user's disk.
    """
    artifacts = []
    for name in group.inputs:
        if is_parameter(name) or edges.producer.get(name) is group:
            continue
        dataset = project.datasets[name]
        travel = _TRAVEL[dataset.kind]
        key = edges.keys[name]
        if name in edges.producer and travel is not Travel.REFERENCE:
            source = (edges.producer[name].name, key)
        elif name in importers:
            source = (importers[name], "artifact")
        else:
            continue
        artifacts.append(Artifact(key, name, travel, *source, path=dataset.path))
    return tuple(artifacts)


def outputs_of(group: Group, project: Project, edges: Edges) -> tuple[Artifact, ...]:
    """The artifacts a task leaves: local files always, objects only where another reads them."""
    artifacts = []
    for name in group.outputs:
        dataset = project.datasets[name]
        travel = _TRAVEL[dataset.kind]
        if travel is Travel.FILE or (travel is Travel.OBJECT and name in edges.consumers):
            artifacts.append(Artifact(edges.keys[name], name, travel, path=dataset.path))
    return tuple(artifacts)
