"""The datasets at a task's boundary: put into Kedro's catalog, taken out after the run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol

from kedro_vertexai.artifact_metadata import beside_ours, fitted
from kedro_vertexai.catalog import base_name
from kedro_vertexai.errors import TaskError
from kedro_vertexai.location import overlap
from kedro_vertexai.runtime.describe import describe, numbers_of
from kedro_vertexai.runtime.executor_input import ArtifactRef, OutputFacts
from kedro_vertexai.runtime.files import copy_in, copy_out
from kedro_vertexai.runtime.object_dataset import ObjectDataset, put
from kedro_vertexai.runtime.task_document import Boundary, TaskDocument

# Of a reference's artifact: which of a versioned dataset's versions this run has saved.
_VERSION = "version"


class TaskBoundary:
    """What enters and leaves one task, by the ways its document tells.

    Args:
        document: the task's document.
        inputs: the input artifacts by key, as the engine gave them.
        outputs: the output artifacts by key.
        project_path: what a dataset's relative path is relative to.
        job: the engine's id of the job, empty where tasks are not told of it.
    """

    def __init__(
        self,
        document: TaskDocument,
        inputs: Mapping[str, ArtifactRef],
        outputs: Mapping[str, ArtifactRef],
        project_path: Path,
        job: str = "",
    ) -> None:
        self._job = job
        self._document = document
        self._inputs = inputs
        self._outputs = outputs
        self._project_path = project_path
        self._objects: dict[str, ObjectDataset] = {}
        self._save_version = ""
        self._saves: Counter[str] = Counter()
        self._facts: dict[str, dict[str, Any]] = {}

    def bring_files(self) -> None:
        """Copy the file inputs to the datasets' own paths, one over the other where they share it.

        Raises:
            TaskError: an artifact is not whole, or a path cannot be written.
        """
        brought: list[str] = []
        for key, boundary in self._document.inputs.items():
            if boundary.travel != "file":
                continue
            artifact, own = self._inputs[key], self._own_path(boundary)
            if not self._is_users_own(own):
                laid_over = any(overlap(path, boundary.path) for path in brought)
                copy_in(artifact.path, own, boundary.dataset, artifact.metadata, merge=laid_over)
            brought.append(boundary.path)

    def versions(self) -> dict[str, str]:
        """By dataset, the version that this run has saved of one that stays where it is."""
        return {
            boundary.dataset: str(self._inputs[key].metadata[_VERSION])
            for key, boundary in self._document.inputs.items()
            if boundary.travel == "reference" and _VERSION in self._inputs[key].metadata
        }

    def enter_catalog(self, catalog: CatalogProtocol[Any, Any], save_version: str) -> None:
        """Replace the catalog's entries of the datasets that travel as objects."""
        self._save_version = save_version
        loads = _objects(self._document.inputs, self._inputs)
        saves = _objects(self._document.outputs, self._outputs)
        for name in {*loads, *saves}:
            loaded, saved = loads.get(name), saves.get(name)
            dataset = ObjectDataset(
                name,
                loaded.path if loaded else None,
                saved.path if saved else None,
                job=self._job,
                checksum=str(loaded.metadata.get("checksum", "")) if loaded else "",
            )
            self._objects[name] = dataset
            put(catalog, name, dataset)

    def dataset_saved(self, name: str, data: Any) -> None:
        """Note what the data of an output are; one saved in chunks has no number of rows."""
        dataset = base_name(name)
        outputs = [b for b in self._document.outputs.values() if b.dataset == dataset]
        if not outputs or (isinstance(data, Mapping) and not data):
            # No partitions are no files.
            return
        self._saves[dataset] += 1
        facts = describe(data)
        if self._saves[dataset] > 1:
            facts.pop("rows", None)
        if any(boundary.metrics for boundary in outputs):
            facts = {**numbers_of(data, dataset), **facts}
        self._facts[dataset] = facts

    def take_outputs(self) -> dict[str, OutputFacts]:
        """Copy the file outputs to their artifacts; return what is to be said of each output.

        Raises:
            TaskError: an object was never saved, or a file is elsewhere or cannot be copied.
        """
        return {key: self._take(key, found) for key, found in self._document.outputs.items()}

    def _take(self, key: str, boundary: Boundary) -> OutputFacts:
        told = {**boundary.metadata, **self._facts.get(boundary.dataset, {})}
        facts = {
            **fitted(beside_ours(told, boundary.dataset), boundary.room),
            "dataset": boundary.dataset,
        }
        if boundary.travel == "file":
            self._check_place(boundary)
            found = copy_out(self._own_path(boundary), self._outputs[key].path, boundary.dataset)
            return OutputFacts({**facts, "path": boundary.path, **found})
        if boundary.travel == "reference":
            if boundary.versioned:
                facts[_VERSION] = self._save_version
            # Without a place of its own it leaves nothing at the engine's either.
            kept = {"reference": True} if boundary.uri else {"absent": True}
            return OutputFacts({**facts, **kept}, boundary.uri)
        saved = self._objects[boundary.dataset].saved
        if saved is None:
            raise TaskError(f"dataset '{boundary.dataset}' was never saved by its node")
        return OutputFacts({**facts, **saved})

    def _own_path(self, boundary: Boundary) -> Path:
        return self._project_path / boundary.path

    def _is_users_own(self, path: Path) -> bool:
        """Whether a local run finds the file there already: outside of the task's own copy."""
        is_local = os.environ.get("KEDRO_VERTEXAI_TARGET") == "local"
        return is_local and not path.is_relative_to(self._project_path) and path.exists()

    def _check_place(self, boundary: Boundary) -> None:
        """Refuse a dataset that was saved, and not where it was to be found."""
        if self._own_path(boundary).exists() or not self._saves[boundary.dataset]:
            return
        raise TaskError(
            f"dataset '{boundary.dataset}' was not saved at {boundary.path}, its path when the "
            "pipeline was compiled: a path must be relative to the project and may not depend on "
            "the environment; one that its class makes itself is named in its catalog entry, as "
            "metadata: {vertexai: {path: ...}}"
        )


def _objects(
    boundaries: Mapping[str, Boundary], artifacts: Mapping[str, ArtifactRef]
) -> dict[str, ArtifactRef]:
    return {
        boundary.dataset: artifacts[key]
        for key, boundary in boundaries.items()
        if boundary.travel == "object"
    }
