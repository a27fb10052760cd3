"""The datasets at a task's boundary: put into Kedro's catalog, taken out after the run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, CatalogProtocol, DatasetError

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.executor_input import ArtifactRef
from kedro_vertexai.runtime.files import copy_in, copy_out
from kedro_vertexai.runtime.objects import load_object, save_object
from kedro_vertexai.runtime.task_document import Boundary, TaskDocument


class ObjectDataset(AbstractDataset[Any, Any]):
    """Stands in the catalog for a dataset that travels as an object artifact.

    Args:
        name: the dataset's name, for messages.
        load_path: the input artifact, if another task wrote it.
        save_path: the output artifact, if another task reads it.
    """

    def __init__(self, name: str, load_path: Path | None, save_path: Path | None) -> None:
        self._name = name
        self._load_path = load_path
        self._save_path = save_path
        self.saved: dict[str, Any] | None = None

    def load(self) -> Any:
        path = self._load_path or self._save_path
        assert path is not None
        try:
            return load_object(path)
        except TaskError as error:
            raise DatasetError(f"dataset '{self._name}': {error}") from error

    def save(self, data: Any) -> None:
        assert self._save_path is not None, "only outputs are saved"
        try:
            self.saved = save_object(data, self._save_path)
        except OSError as error:
            raise DatasetError(
                f"dataset '{self._name}' cannot be written to {self._save_path}: {error.strerror}"
            ) from error
        except Exception as error:
            kind = f"{type(data).__module__}.{type(data).__qualname__}"
            raise DatasetError(
                f"dataset '{self._name}' is a {kind}, which cannot be pickled to reach the next "
                f"task ({type(error).__name__}: {error}); declare it in the catalog as a file, or "
                "group its writer and readers into one task"
            ) from error

    def _exists(self) -> bool:
        path = self._load_path or self._save_path
        return path is not None and path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"load_path": self._load_path, "save_path": self._save_path}


class TaskBoundary:
    """What enters and leaves one task, by the ways its document tells.

    Args:
        document: the task's document.
        inputs: the input artifacts by key, as the engine gave them.
        outputs: the output artifacts by key.
        project_path: what a dataset's relative path is relative to.
    """

    def __init__(
        self,
        document: TaskDocument,
        inputs: Mapping[str, ArtifactRef],
        outputs: Mapping[str, ArtifactRef],
        project_path: Path,
    ) -> None:
        self._document = document
        self._inputs = inputs
        self._outputs = outputs
        self._project_path = project_path
        self._objects: dict[str, ObjectDataset] = {}
        self._catalog: CatalogProtocol[Any, Any] | None = None

    def bring_files(self) -> None:
        """Copy the file inputs to the datasets' own paths."""
        for key, boundary in self._document.inputs.items():
            artifact, own = self._inputs[key], self._own_path(boundary)
            if boundary.travel != "file" or artifact.metadata.get("absent"):
                continue
            if not self._is_users_own(own):
                copy_in(artifact.path, own, boundary.dataset)

    def enter_catalog(self, catalog: CatalogProtocol[Any, Any]) -> None:
        """Replace the catalog's entries of the datasets that travel as objects."""
        self._catalog = catalog
        loads = _objects(self._document.inputs, self._inputs)
        saves = _objects(self._document.outputs, self._outputs)
        for name in {*loads, *saves}:
            dataset = ObjectDataset(name, loads.get(name), saves.get(name))
            self._objects[name] = dataset
            catalog[name] = dataset

    def take_outputs(self) -> dict[str, dict[str, Any]]:
        """Copy the file outputs to their artifacts; return each output's metadata by key.

        Raises:
            TaskError: an object was never saved, or a file is elsewhere or cannot be copied.
        """
        metadata = {}
        for key, boundary in self._document.outputs.items():
            if boundary.travel == "file":
                self._check_place(boundary)
                found = copy_out(
                    self._own_path(boundary), self._outputs[key].path, boundary.dataset
                )
                metadata[key] = {"dataset": boundary.dataset, "path": boundary.path, **found}
            else:
                saved = self._objects[boundary.dataset].saved
                if saved is None:
                    raise TaskError(f"dataset '{boundary.dataset}' was never saved by its node")
                metadata[key] = {"dataset": boundary.dataset, **saved}
        return metadata

    def _own_path(self, boundary: Boundary) -> Path:
        return self._project_path / boundary.path

    def _is_users_own(self, path: Path) -> bool:
        """Whether a local run finds the file there already: outside of the task's own copy."""
        is_local = os.environ.get("KEDRO_VERTEXAI_TARGET") == "local"
        return is_local and not path.is_relative_to(self._project_path) and path.exists()

    def _check_place(self, boundary: Boundary) -> None:
        """Refuse a dataset that was saved, and not where it was to be found."""
        if self._catalog is None or self._own_path(boundary).exists():
            return
        if self._catalog.exists(boundary.dataset):
            raise TaskError(
                f"dataset '{boundary.dataset}' was not saved at {boundary.path}, its path when the "
                "pipeline was compiled: a path must be relative to the project and may not depend "
                "on the environment"
            )


def _objects(
    boundaries: Mapping[str, Boundary], artifacts: Mapping[str, ArtifactRef]
) -> dict[str, Path]:
    return {
        boundary.dataset: artifacts[key].path
        for key, boundary in boundaries.items()
        if boundary.travel == "object"
    }
