"""Random projects for Hypothesis, simplest choices first so that a failing one shrinks well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dataset_kinds import ALL_KINDS, Kind
from generated_project import GeneratedDataset, GeneratedNode, GeneratedProject
from hypothesis import strategies as st

_EXPECTED = [kind for kind in ALL_KINDS if not kind.planned]
_RAW = [kind for kind in _EXPECTED if kind.raw]
_FIRST = [kind for kind in _EXPECTED if not kind.only_raw]
# A generator yields all outputs of its node at once: what streams is alone.
_SECOND = [kind for kind in _FIRST if not kind.streams]


@st.composite
def projects(draw: st.DrawFn) -> GeneratedProject:
    """One to three graphs in one project: starting a run costs more than its tasks."""
    graphs = [draw(_graphs(prefix)) for prefix in "abc"[: draw(st.integers(1, 3))]]
    return GeneratedProject(
        raw=tuple(dataset for raw, _ in graphs for dataset in raw),
        nodes=tuple(node for _, nodes in graphs for node in nodes),
        catch_all=draw(st.booleans()),
    )


@st.composite
def _graphs(
    draw: st.DrawFn, prefix: str
) -> tuple[Sequence[GeneratedDataset], Sequence[GeneratedNode]]:
    """Raw data and two to seven nodes, each of which may read what stands before it."""
    raw = [
        GeneratedDataset(f"{prefix}_raw{number}", kind.name, watched=draw(st.booleans()))
        for number, kind in enumerate(draw(st.lists(st.sampled_from(_RAW), max_size=2)))
    ]
    readable = [dataset.name for dataset in raw]
    nodes: list[GeneratedNode] = []
    for number in range(draw(st.integers(2, 7))):
        node = draw(_nodes(f"{prefix}{number}", tuple(readable)))
        readable += [output.name for output in node.outputs]
        nodes.append(node)
    return raw, _grouped(nodes, draw(_ranges(len(nodes))), prefix)


@st.composite
def _nodes(draw: st.DrawFn, name: str, readable: tuple[str, ...]) -> GeneratedNode:
    inputs = draw(st.lists(st.sampled_from(readable), unique=True, max_size=3)) if readable else []
    kind = draw(st.sampled_from(_FIRST))
    outputs = [draw(_outputs(f"{name}_x", kind))]
    if not kind.streams and draw(st.booleans()):
        outputs.append(draw(_outputs(f"{name}_y", draw(st.sampled_from(_SECOND)))))
    return GeneratedNode(name, tuple(inputs), tuple(outputs))


@st.composite
def _outputs(draw: st.DrawFn, name: str, kind: Kind) -> GeneratedDataset:
    make = draw(st.sampled_from(kind.makers))
    return GeneratedDataset(name, kind.name, make, watched=draw(st.booleans()))


@st.composite
def _ranges(draw: st.DrawFn, count: int) -> list[range]:
    """None, one or two ranges of nodes that share a task.

    Ranges of an order in which the nodes can run never wait for each other in a circle.
    """
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=4)))
    return [range(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]


def _grouped(
    nodes: Sequence[GeneratedNode], ranges: Sequence[range], prefix: str
) -> list[GeneratedNode]:
    groups = {row: f"{prefix}_group{number}" for number, rows in enumerate(ranges) for row in rows}
    return [replace(node, group=groups.get(row, "")) for row, node in enumerate(nodes)]
