"""What tasks read from the user's own disk: raw inputs, and parameters too large to pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro_vertexai.artifact_types import ARTIFACT
from kedro_vertexai.catalog import Dataset, Kind, base_name
from kedro_vertexai.errors import PlanError
from kedro_vertexai.plan.edges import Edges
from kedro_vertexai.plan.model import Artifact, Parameter, StagedInput, Travel
from kedro_vertexai.plan.names import task_names
from kedro_vertexai.plan.parameters import document
from kedro_vertexai.project import Project
from kedro_vertexai.staging import digest_of


def importer_names(datasets: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Map each dataset (a parameter with Kedro's `params:`) to its importer's task name."""
    titles = task_names((f"input-{name}" for name in datasets), reserved=taken)
    return {title.removeprefix("input-"): name for title, name in titles.items()}


@dataclass(frozen=True)
class RawInputs:
    """The datasets that tasks read and none has written before them, by how they get there.

    Args:
        staged: on the user's disk, to be uploaded.
        references: remote ones of which the place is known.
        missing: local ones that are not on the user's disk.
        in_image: local ones that the image holds.
    """

    staged: list[str]
    references: list[str]
    missing: list[str]
    in_image: list[str]


def raw_inputs(project: Project, edges: Edges, *, in_image: bool) -> RawInputs:
    """Sort the raw inputs of a plan.

    Args:
        project: says what each dataset is.
        edges: says who reads what.
        in_image: whether the image holds the local ones, unless one says otherwise.

    Raises:
        PlanError: a dataset in memory that is read and never written.
    """
    found = RawInputs([], [], [], [])
    for name in sorted(edges.raw):
        dataset, reader = project.datasets[name], edges.raw[name][0]
        if dataset.kind is Kind.MEMORY:
            _check_held(dataset, reader.title)
        elif dataset.kind is Kind.REMOTE:
            if dataset.uri:
                found.references.append(name)
        elif dataset.options.staging == "image" or (in_image and not dataset.options.staging):
            _check_alone(dataset, project, edges)
            found.in_image.append(name)
        elif (project.path / dataset.path).exists():
            found.staged.append(name)
        elif not _may_be_missing(dataset, edges):
            found.missing.append(name)
    return found


def _may_be_missing(dataset: Dataset, edges: Edges) -> bool:
    """Whether a run can start without it: an output that it adds to, or a directory of others."""
    if dataset.options.optional or dataset.name in edges.producer:
        return True
    readings = (edges.readings[group.title, dataset.name] for group in edges.raw[dataset.name])
    return all(reading.sources for reading in readings)


def unseen_files(project: Project) -> list[str]:
    """A sentence for each dataset that would add to files of earlier runs, and starts without."""
    written = {base_name(output) for node in project.nodes for output in node.outputs}
    return [
        f"dataset '{name}' adds to what lies at {dataset.path}, and a run starts without that; to "
        "start from it, write metadata: {vertexai: {staging: upload}} in its catalog entry"
        for name in sorted(written)
        if (dataset := project.datasets[name]).kind is Kind.LOCAL
        and dataset.adds
        and not dataset.options.staging
        and _has_files(project.path / dataset.path)
    ]


def unplaced(project: Project) -> list[str]:
    """A sentence for each dataset of the project's own class that tells no place."""
    return [
        f"dataset '{name}': {dataset.reason}, and so is taken to be where every task reaches it; a "
        "path on the local disk is named as metadata: {vertexai: {path: ...}}"
        for name, dataset in sorted(project.datasets.items())
        if dataset.kind is Kind.REMOTE and not dataset.is_placed and not dataset.options.travel
    ]


def _has_files(path: Path) -> bool:
    return path.is_dir() and any(not file.name.startswith(".") for file in path.rglob("*"))


def _check_alone(dataset: Dataset, project: Project, edges: Edges) -> None:
    """Refuse to lay artifacts over a directory in the image: an artifact replaces its place."""
    for (task, name), reading in edges.readings.items():
        over = [source for source in reading.sources if name == dataset.name and reading.raw]
        if any(project.datasets[source].path == dataset.path for source in over):
            raise PlanError(
                f"'{task}' reads dataset '{name}' as the image holds it and as '{over[0]}' was "
                "written there: stage it (staging: upload), or write to a place of its own"
            )


def _check_held(dataset: Dataset, reader: str) -> None:
    """Refuse to read from memory what nobody puts there; an entry may hold its data itself."""
    if dataset.options.travel:
        raise PlanError(
            f"'{reader}' reads dataset '{dataset.name}', which no node of this run writes: as "
            "metadata.vertexai.travel: object it cannot be staged"
        )
    if not dataset.type:
        raise PlanError(
            f"'{reader}' reads dataset '{dataset.name}', which no node of this run writes and the "
            "catalog does not hold"
        )


def staged_dataset(name: str, project: Project, task: str) -> StagedInput:
    """Describe a raw input by its content.

    Raises:
        PlanError: it cannot be read.
    """
    path = project.path / project.datasets[name].path
    try:
        digest = digest_of(path)
    except OSError as error:
        raise PlanError(
            f"dataset '{name}' cannot be read: {error.strerror} ({error.filename})"
        ) from error
    return StagedInput(
        task=task,
        dataset=name,
        path=project.datasets[name].path,
        digest=digest,
        name=path.name,
        empty=path.is_dir() and not any(file.is_file() for file in path.rglob("*")),
        type=project.datasets[name].artifact,
        metadata=project.datasets[name].options.metadata,
    )


def staged_parameters(
    parameters: Sequence[Parameter], value_of: Callable[[Parameter], Any], task: str
) -> StagedInput:
    """Describe large parameters as one file: pairs of a path and its value in this run."""
    content = document([[parameter.path, value_of(parameter)] for parameter in parameters])
    return StagedInput(
        task=task,
        dataset=parameters_dataset(parameters),
        path="",
        digest=hashlib.sha256(content).hexdigest(),
        name=f"{parameters[0].key}.json",
        content=content,
        type=ARTIFACT,
    )


def parameter_file(parameters: Sequence[Parameter], task: str) -> Artifact:
    """The artifact in which a task finds its large parameters."""
    return Artifact(
        key=parameters[0].key,
        dataset=parameters_dataset(parameters),
        travel=Travel.PARAMETER,
        producer=task,
        producer_key="artifact",
    )


def parameters_dataset(parameters: Sequence[Parameter]) -> str:
    """The name of one parameter among Kedro's datasets; for several, a name of the same form."""
    first, *others = (parameter.name for parameter in parameters)
    if not others:
        return f"params:{first}"
    digest = hashlib.sha256(json.dumps(others).encode()).hexdigest()[:6]
    return f"params:{first} and {len(others)} more ({digest})"
