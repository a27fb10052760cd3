"""What tasks read from the user's own disk: raw inputs, and parameters too large to pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from kedro_vertexai.catalog import Kind, base_name
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


def staged_datasets(project: Project, edges: Edges) -> list[str]:
    """The local datasets that tasks read, none writes, and that are on this disk.

    Raises:
        PlanError: a dataset in memory that is read and never written, or two datasets in one
            place.
    """
    _refuse_shared_places(project, edges)
    staged = []
    for name in edges.unwritten:
        dataset = project.datasets[name]
        # One that the catalog declares may hold its data there.
        if dataset.kind is Kind.MEMORY and not dataset.type:
            raise PlanError(
                f"'{edges.consumers[name][0].title}' reads dataset '{name}', which no node of "
                "this run writes and the catalog does not hold"
            )
        if dataset.kind is Kind.LOCAL and (project.path / dataset.path).exists():
            staged.append(name)
    return staged


def _refuse_shared_places(project: Project, edges: Edges) -> None:
    """Refuse two datasets in one place of which a task writes one.

    On one disk the second sees what was written to the first; as artifacts they are apart.
    """
    local = {name: d.path for name, d in project.datasets.items() if d.kind is Kind.LOCAL}
    by_path: dict[str, str] = {}
    for name in sorted(local, key=lambda name: (name not in edges.producer, name)):
        other = by_path.setdefault(local[name], name)
        if other != name and other in edges.producer:
            raise PlanError(
                f"datasets '{other}' and '{name}' are both at {local[name]}, and tasks hand data "
                "on by dataset: give both one name, such as "
                f"'{other}@in' and '{other}@out' for two ways to read it"
            )


def missing_inputs(project: Project) -> list[str]:
    """Local datasets that this run reads, does not write, and that are not on this disk."""
    written = {base_name(entry) for node in project.nodes for entry in node.outputs}
    read = {base_name(entry) for node in project.nodes for entry in node.inputs}
    return [
        f"dataset '{name}' has nothing at {dataset.path}"
        for name in sorted(read - written)
        if (dataset := project.datasets.get(name)) is not None
        and dataset.kind is Kind.LOCAL
        and not (project.path / dataset.path).exists()
    ]


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
