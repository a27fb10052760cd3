"""`compile --explain`: each dataset, how it travels, who writes it, who reads it, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kedro_vertexai.catalog import Dataset, Kind, base_name
from kedro_vertexai.location import overlap
from kedro_vertexai.plan.model import Artifact, Plan, Travel
from kedro_vertexai.plan.places import datasets_read
from kedro_vertexai.project import Project

# Where nothing crosses between tasks.
INSIDE = "in its task"
_STYLES = {"object": "magenta", "file": "blue", "reference": "green", INSIDE: "dim"}


@dataclass(frozen=True)
class Row:
    """One dataset; `written_by` and `read_by` are nodes, `artifact` is KFP's type."""

    dataset: str
    travels: str
    artifact: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    place: str
    why: str


def explain(project: Project, plan: Plan) -> list[Row]:
    """Tell of every dataset of the pipeline, in the order in which Kedro first touches them."""
    artifacts: dict[str, Artifact] = {}
    for task in plan.tasks:
        for artifact in (*task.inputs, *task.outputs):
            artifacts.setdefault(artifact.dataset, artifact)
    writers: dict[str, list[str]] = {}
    readers: dict[str, list[str]] = {}
    for node in project.nodes:
        for name in sorted(datasets_read(node, project.datasets)):
            readers.setdefault(name, []).append(node.name)
        for name in node.outputs:
            writers.setdefault(base_name(name), []).append(node.name)
    names = dict.fromkeys(
        name
        for node in project.nodes
        for name in (
            *sorted(datasets_read(node, project.datasets)),
            *(base_name(output) for output in node.outputs),
        )
    )
    others = {name: _written_there(name, writers, project.datasets) for name in names}
    return [
        Row(
            name,
            _travels(
                dataset,
                artifacts.get(name),
                handed=_is_handed(others[name], readers.get(name, ()), plan),
            ),
            dataset.artifact.removeprefix("system."),
            tuple(writers.get(name, ())),
            tuple(readers.get(name, ())),
            dataset.path or dataset.uri,
            _why(dataset, plan, others[name], written=name in writers),
        )
        for name in names
        if (dataset := project.datasets[name])
    ]


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print the rows as one table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("Dataset", "Travels as", "Shown as", "Written by", "Read by", "Why"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(
            row.dataset,
            Text(row.travels, style=_STYLES[row.travels]),
            row.artifact,
            "\n".join(row.written_by) or "-",
            "\n".join(row.read_by) or "-",
            Text(f"{row.why}\n").append(row.place, style="dim") if row.place else row.why,
        )
    console.print(table)


def _written_there(
    name: str, writers: Collection[str], datasets: Mapping[str, Dataset]
) -> list[str]:
    """The other datasets that nodes write at a local dataset's place, or inside it."""
    path = datasets[name].path
    return [
        other
        for other in writers
        if path and other != name and datasets[other].path and overlap(path, datasets[other].path)
    ]


def _is_handed(others: Collection[str], readers: Collection[str], plan: Plan) -> bool:
    """Whether a task of these readers is handed an artifact of the others at the same place."""
    # Nearly always there are none, and then no task is looked at.
    return bool(others) and any(
        artifact.dataset in others
        for task in plan.tasks
        if not set(task.nodes).isdisjoint(readers)
        for artifact in task.inputs
    )


def _travels(dataset: Dataset, artifact: Artifact | None, *, handed: bool) -> str:
    if artifact is not None:
        return artifact.travel.value
    if handed:
        return Travel.FILE.value
    # A reference whose place has no URI is no artifact; what waits for it does so all the same.
    return "reference" if dataset.kind is Kind.REMOTE else INSIDE


def _why(dataset: Dataset, plan: Plan, others: Collection[str], *, written: bool) -> str:
    said = [f"{dataset.reason}, versioned" if dataset.versioned else dataset.reason]
    if not written and dataset.kind is Kind.LOCAL:
        said += _raw(dataset, plan, is_written=bool(others))
    if others:
        said.append(f"shares its place with {', '.join(others)}")
    return "; ".join(said)


def _raw(dataset: Dataset, plan: Plan, *, is_written: bool) -> list[str]:
    """Where what no node writes under this name comes from."""
    digests = {entry.dataset: entry.digest for entry in plan.staged}
    if dataset.name in digests:
        return [f"raw, staged by its content ({digests[dataset.name][:8]})"]
    if dataset.path in plan.in_image:
        return ["raw, in the image"]
    if any(entry.dataset == dataset.name for entry in plan.missing):
        return ["raw, and missing there"]
    return [] if is_written else ["raw and optional, missing there"]
