"""Datasets that share a place: one path, or one inside the other.

On one disk a reader sees what was last written there, under whatever name. Tasks share no disk,
so it is decided here, in the order in which `kedro run` would run the nodes: whose artifacts,
laid over each other, are what a reader finds. At a remote place the data are shared, and only
the order of the tasks must be Kedro's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from kedro_vertexai.catalog import Dataset, base_name, is_parameter
from kedro_vertexai.errors import PlanError
from kedro_vertexai.location import overlap
from kedro_vertexai.plan.groups import Group
from kedro_vertexai.project import Node, Project


@dataclass(frozen=True)
class Reading:
    """What a task finds at a dataset's place when it starts.

    `sources` are the datasets that other tasks wrote there, in the order in which they are laid
    over each other; `raw` says whether what lies on the user's disk is beneath them.
    """

    sources: tuple[str, ...] = ()
    raw: bool = False


@dataclass
class SharedPlaces:
    """What sharing a place changes: readings by task and dataset, and tasks that must wait."""

    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class _Access:
    """One node that reads or writes at a shared place; `position` is Kedro's order."""

    position: int
    task: str
    dataset: str
    place: str
    adds: bool = False
    replaces: bool = False


def find_shared_places(project: Project, groups: Iterable[Group]) -> SharedPlaces:
    """Find the datasets of a pipeline that share places, and what follows from it.

    Raises:
        PlanError: a task would need two states of one place, or tasks would wait for each other.
    """
    groups = list(groups)
    task_of = {node.name: group.title for group in groups for node in group.nodes}
    shared = SharedPlaces()
    for cluster in _clusters({d.name: d.path for d in project.datasets.values()}):
        _read_local(cluster, project, task_of, shared)
        if any(place.startswith("/") for place in cluster.values()):
            # On the user's machine, tasks share what lies outside of the project.
            _order(cluster, project, task_of, shared)
    for cluster in _clusters({d.name: d.uri for d in project.datasets.values()}):
        _order(cluster, project, task_of, shared)
    if shared.readings or shared.after:
        _refuse_cycles(project, groups, task_of, shared)
    return shared


def datasets_read(node: Node, datasets: Mapping[str, Dataset]) -> set[str]:
    """The datasets that must be there when a node runs: to confirm one, Kedro lists its files."""
    confirmed = {base_name(name) for name in node.confirms}
    read = {base_name(name) for name in node.inputs if not is_parameter(name)}
    return read | {name for name in confirmed if datasets[name].path}


def _clusters(places: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The datasets that share a place, by name, each set with its places."""
    rows = sorted((place, name) for name, place in places.items() if place)
    # A path and what lies inside it stand together once `/` sorts before every other character.
    rows.sort(key=lambda row: row[0].split("/"))
    cluster: dict[str, str] = {}
    top = ""
    for place, name in rows:
        if not cluster or not overlap(top, place):
            if len(cluster) > 1:
                yield cluster
            cluster, top = {}, place
        cluster[name] = place
    if len(cluster) > 1:
        yield cluster


def _accesses(
    cluster: Mapping[str, str],
    project: Project,
    task_of: Mapping[str, str],
    names_of: Callable[[Node], Iterable[str]],
) -> list[_Access]:
    return [
        _Access(
            position,
            task_of[node.name],
            name,
            cluster[name],
            project.datasets[name].adds,
            project.datasets[name].replaces,
        )
        for position, node in enumerate(project.nodes)
        for name in sorted(names_of(node))
        if name in cluster
    ]


def _reads_and_writes(
    cluster: Mapping[str, str], project: Project, task_of: Mapping[str, str]
) -> tuple[list[_Access], list[_Access]]:
    return (
        _accesses(cluster, project, task_of, lambda node: datasets_read(node, project.datasets)),
        _accesses(cluster, project, task_of, lambda node: map(base_name, node.outputs)),
    )


def _read_local(
    cluster: Mapping[str, str],
    project: Project,
    task_of: Mapping[str, str],
    shared: SharedPlaces,
) -> None:
    reads, writes = _reads_and_writes(cluster, project, task_of)
    if not writes:
        return
    raw = {read.place for read in reads if not _written_before(read, writes, whole=True)}
    # What is written into a directory later does not replace what was there.
    kept = {place for place in raw if (project.path / place).is_dir()}
    by_task: dict[str, list[tuple[_Access, list[_Access]]]] = defaultdict(list)
    for read in reads:
        before = _written_before(read, writes)
        by_task[read.task].append((read, before))
        reading = Reading(
            tuple(dict.fromkeys(write.dataset for write in before if write.task != read.task)),
            raw=read.place in kept or not _written_before(read, writes, whole=True),
        )
        known = shared.readings.get((read.task, read.dataset), reading)
        if known.sources != reading.sources:
            raise _two_states(read)
        shared.readings[read.task, read.dataset] = replace(known, raw=known.raw or reading.raw)
    for readings in by_task.values():
        _refuse_two_states(readings, writes)


def _written_before(
    read: _Access, writes: Iterable[_Access], *, whole: bool = False
) -> list[_Access]:
    """What was written where a node reads, before it; `whole`: what makes up all of the place.

    Partitions that are added to a directory are not all of a file in it.
    """
    before = [w for w in writes if w.position < read.position and overlap(w.place, read.place)]
    if whole:
        return [
            write
            for write in before
            if write.place == read.place or (len(write.place) < len(read.place) and not write.adds)
        ]
    last = max((n for n, w in enumerate(before) if w.replaces and _covers(w, read)), default=0)
    return before[last:]


def _covers(write: _Access, read: _Access) -> bool:
    return len(write.place) <= len(read.place)


def _refuse_two_states(
    readings: list[tuple[_Access, list[_Access]]], writes: list[_Access]
) -> None:
    """Refuse a task that starts with one state of a place where Kedro's order has two."""
    foreign = {write for read, before in readings for write in before if write.task != read.task}
    for read, before in readings:
        others = [write for write in before if write.task != read.task]
        own = [write.position for write in before if write.task == read.task]
        missed = {write for write in foreign if overlap(write.place, read.place)} - set(others)
        too_late = [write for write in others if own and write.position > own[0]]
        sources = {write.task for write in others}
        overwritten = [
            write
            for write in writes
            if write.task in sources
            and write.position > read.position
            and overlap(write.place, read.place)
        ]
        if missed or too_late or overwritten:
            raise _two_states(read)


def _two_states(read: _Access) -> PlanError:
    return PlanError(
        f"dataset '{read.dataset}' at {read.place} is read by '{read.task}' between nodes that "
        "write there, and one task would need what lies there before and after: group these nodes "
        "otherwise, or give the datasets places of their own"
    )


def _order(
    cluster: Mapping[str, str],
    project: Project,
    task_of: Mapping[str, str],
    shared: SharedPlaces,
) -> None:
    reads, writes = _reads_and_writes(cluster, project, task_of)
    for write in writes:
        for other in (*reads, *writes):
            if other.task == write.task or not overlap(write.place, other.place):
                continue
            first, then = sorted((write, other), key=lambda access: access.position)
            shared.after[then.task].add(first.task)


def _refuse_cycles(
    project: Project, groups: list[Group], task_of: Mapping[str, str], shared: SharedPlaces
) -> None:
    writer = {base_name(out): task_of[node.name] for node in project.nodes for out in node.outputs}
    waits = {
        group.title: set(group.after) | shared.after.get(group.title, set()) for group in groups
    }
    for (task, _), reading in shared.readings.items():
        waits[task] |= {writer[source] for source in reading.sources}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        tasks = " and ".join(f"'{title}'" for title in dict.fromkeys(error.args[1]))
        raise PlanError(
            f"tasks {tasks} would wait for each other, since their datasets share a place: group "
            "their nodes otherwise, or give the datasets places of their own"
        ) from None
