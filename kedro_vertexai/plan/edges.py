"""What crosses task boundaries: who writes and who reads each dataset, and how it travels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from kedro_vertexai.artifact_types import METRICS
from kedro_vertexai.catalog import Dataset, Kind, base_name
from kedro_vertexai.errors import PlanError
from kedro_vertexai.plan.groups import Group
from kedro_vertexai.plan.model import Artifact, Travel
from kedro_vertexai.plan.names import keys
from kedro_vertexai.plan.places import Reading, datasets_read, find_shared_places
from kedro_vertexai.project import Project

_TRAVEL = {Kind.MEMORY: Travel.OBJECT, Kind.LOCAL: Travel.FILE, Kind.REMOTE: Travel.REFERENCE}
# fsspec's file system inside a process: https://filesystem-spec.readthedocs.io
_IN_PROCESS = "memory://"


@dataclass
class Edges:
    """What passes between groups.

    Args:
        producer: the group that writes a dataset.
        turn: by dataset, its number in the order in which Kedro writes them.
        readings: by a group's title and a dataset's name, what that group finds. A group that
            reads what it has written itself has none.
        consumers: the groups that are handed what was written as a dataset.
        raw: the groups that read what no task wrote before them.
        keys: each dataset's key in every component; that of its confirmation too.
        after: by title, groups that must end first though no artifact says so.
        inputs: how many artifacts a group is handed at most, by title.
    """

    producer: dict[str, Group] = field(default_factory=dict)
    turn: dict[str, int] = field(default_factory=dict)
    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    consumers: dict[str, list[Group]] = field(default_factory=dict)
    raw: dict[str, list[Group]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, set[str]] = field(default_factory=dict)
    inputs: Counter[str] = field(default_factory=Counter)


def find_edges(project: Project, groups: Collection[Group], taken: Collection[str]) -> Edges:
    """Find what the groups pass to each other.

    Args:
        project: names the datasets.
        groups: all groups of the plan.
        taken: keys that parameters have: a component's inputs share one set of names.

    Raises:
        PlanError: a dataset cannot be handed from one group to another.
    """
    shared = find_shared_places(project, groups)
    names = [*project.datasets, *map(_confirmation, _confirmed(project))]
    edges = Edges(keys=keys(names, reserved=taken), after=shared.after)
    group_of = {node.name: group for group in groups for node in group.nodes}
    for node in project.nodes:
        for output in node.outputs:
            edges.producer[base_name(output)] = group_of[node.name]
            edges.turn.setdefault(base_name(output), len(edges.turn))
    for group in groups:
        for dataset in _read_by(group, project):
            added_to = _is_added_to(project.datasets[dataset])
            reading = shared.readings.get((group.title, dataset)) or _reading(
                group, dataset, edges, added_to=added_to
            )
            _add(edges, group, project.datasets[dataset], reading)
    return edges


def inputs_of(
    group: Group, project: Project, edges: Edges, importers: Mapping[str, str]
) -> tuple[Artifact, ...]:
    """The artifacts a task reads: other tasks' outputs, and what importers hand over.

    Files that are laid over each other come in that order.

    Args:
        group: the task's nodes.
        project: says what each dataset is.
        edges: who writes what.
        importers: by dataset, the task that hands over what no task writes.
    """
    raw, written = {}, {}
    for name in _read_by(group, project):
        reading = edges.readings.get((group.title, name), Reading())
        if reading.raw and name in importers:
            raw[name] = _artifact(project.datasets[name], edges.keys[name], importers[name])
        for source in reading.sources:
            producer, key = edges.producer[source].name, edges.keys[source]
            written[source] = _artifact(project.datasets[source], key, producer, key)
    return (*raw.values(), *(written[name] for name in sorted(written, key=edges.turn.__getitem__)))


def outputs_of(group: Group, project: Project, edges: Edges) -> tuple[Artifact, ...]:
    """The artifacts a task leaves: objects only where another task reads them, all else always."""
    artifacts = []
    for name in group.outputs:
        artifact = _artifact(project.datasets[name], edges.keys[name])
        if artifact.travel is not Travel.OBJECT or name in edges.consumers:
            artifacts.append(artifact)
    for name in sorted({base_name(name) for node in group.nodes for name in node.confirms}):
        if project.datasets[name].kind is Kind.LOCAL and edges.producer.get(name) is not group:
            key = edges.keys[_confirmation(name)]
            artifacts.append(_artifact(project.datasets[name], key))
    # Something without a place has nothing to show but numbers.
    return tuple(a for a in artifacts if a.travel is not Travel.REFERENCE or a.uri or _counts(a))


def _artifact(dataset: Dataset, key: str, producer: str = "", source: str = "artifact") -> Artifact:
    return Artifact(
        key,
        dataset.name,
        _TRAVEL[dataset.kind],
        producer,
        source if producer else "",
        path=dataset.path,
        uri=dataset.uri,
        versioned=dataset.versioned,
        type=dataset.artifact,
        metadata={} if producer else dataset.options.metadata,
    )


def _counts(artifact: Artifact) -> bool:
    return artifact.type == METRICS


def _read_by(group: Group, project: Project) -> list[str]:
    """What must be there when a group starts: its inputs, and outputs that it is told to add to."""
    read = {name for node in group.nodes for name in datasets_read(node, project.datasets)}
    return sorted(read | {name for name in group.outputs if _is_added_to(project.datasets[name])})


def _is_added_to(dataset: Dataset) -> bool:
    return dataset.kind is Kind.LOCAL and dataset.options.staging == "upload"


def _reading(group: Group, dataset: str, edges: Edges, *, added_to: bool) -> Reading | None:
    """What a group finds of a dataset that shares its place with no other."""
    producer = edges.producer.get(dataset)
    if producer is group:
        return Reading(raw=True) if added_to else None
    return Reading((dataset,)) if producer else Reading(raw=True)


def _add(edges: Edges, group: Group, dataset: Dataset, reading: Reading | None) -> None:
    if reading is None:
        return
    if dataset.uri.startswith(_IN_PROCESS):
        raise PlanError(
            f"dataset '{dataset.name}' lies at {_IN_PROCESS}, inside one process, and "
            f"'{group.title}' cannot read there what another wrote: leave it out of the catalog, "
            "and it travels as an object"
        )
    edges.readings[group.title, dataset.name] = reading
    for source in reading.sources:
        edges.consumers.setdefault(source, []).append(group)
    edges.inputs[group.title] += len(reading.sources) + reading.raw
    if reading.raw:
        edges.raw.setdefault(dataset.name, []).append(group)


def _confirmed(project: Project) -> Iterator[str]:
    return (base_name(name) for node in project.nodes for name in node.confirms)


def _confirmation(dataset: str) -> str:
    return f"{dataset} confirmed"
