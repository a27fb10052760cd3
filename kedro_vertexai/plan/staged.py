"""What tasks read from the user's own disk: raw inputs, and parameters too large to pass."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
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
        PlanError: a dataset in memory that is read and never written.
    """
    staged = []
    for name in edges.unwritten:
        dataset = project.datasets[name]
        if dataset.kind is Kind.MEMORY:
            raise PlanError(
                f"'{edges.consumers[name][0].title}' reads dataset '{name}', which no node of "
                "this run writes and the catalog does not hold"
            )
        if dataset.kind is Kind.LOCAL and (project.path / dataset.path).exists():
            staged.append(name)
    return staged


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
    """Describe a raw input by its content."""
    path = project.path / project.datasets[name].path
    return StagedInput(
        task=task,
        dataset=name,
        path=project.datasets[name].path,
        digest=digest_of(path),
        name=path.name,
    )


def staged_parameter(parameter: Parameter, value: Any, task: str) -> StagedInput:
    """Describe a large parameter as a file of its value in this run."""
    content = document(value)
    return StagedInput(
        task=task,
        dataset=parameter_dataset(parameter),
        path="",
        digest=hashlib.sha256(content).hexdigest(),
        name=f"{parameter.key}.json",
        content=content,
    )


def parameter_file(parameter: Parameter, task: str) -> Artifact:
    """The artifact in which a task finds a large parameter."""
    return Artifact(
        key=parameter.key,
        dataset=parameter_dataset(parameter),
        travel=Travel.PARAMETER,
        producer=task,
        producer_key="artifact",
        parameter_path=parameter.path,
    )


def parameter_dataset(parameter: Parameter) -> str:
    """The name by which Kedro knows a parameter among datasets."""
    return f"params:{parameter.name}"
