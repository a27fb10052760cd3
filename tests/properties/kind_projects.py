"""Projects that hold certain kinds of datasets, in every place that a dataset can have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dataset_kinds import Kind
from generated_project import GeneratedDataset, GeneratedNode, GeneratedProject


def project_of(kinds: Iterable[Kind]) -> GeneratedProject:
    """Each kind as raw data, between two tasks, and within a task whose results others read."""
    raw, nodes = [], []
    for kind in kinds:
        if kind.raw:
            raw.append(GeneratedDataset(f"{kind.name}_raw", kind.name, watched=False))
            reads = GeneratedDataset(f"{kind.name}_of_raw", "undeclared", "document")
            # A task costs more than an input: they share one.
            nodes.append(GeneratedNode(f"{kind.name}_read_raw", (raw[-1].name,), (reads,), "raw"))
        if not kind.only_raw:
            nodes += _written(kind, "alone")
            nodes += [replace(node, group=kind.name) for node in _written(kind, "grouped")]
    return GeneratedProject(tuple(raw), tuple(nodes))


def _written(kind: Kind, how: str) -> list[GeneratedNode]:
    """A node for each value that the kind can hold, or one for all, and a node that reads all."""
    outputs = [
        GeneratedDataset(f"{kind.name}_{how}_{make}", kind.name, make, watched=False)
        for make in kind.makers
    ]
    read = GeneratedDataset(f"{kind.name}_{how}_read", "undeclared", "document")
    name = f"{kind.name}_{how}"
    names = tuple(output.name for output in outputs)
    return [
        GeneratedNode(f"{name}_writer", (), tuple(outputs)),
        GeneratedNode(f"{name}_reader", names, (read,)),
    ]
