"""The dataset that stands in Kedro's catalog for one that travels as an object artifact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, CatalogProtocol, DatasetError, SharedMemoryDataset
from kedro.io.memory_dataset import MemoryDataset

from kedro_vertexai.catalog_entry import replace_entry
from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.objects import load_object, save_object


class ObjectDataset(AbstractDataset[Any, Any]):
    """Loads what another task's artifact holds, and saves for other tasks to load.

    Args:
        name: the dataset's name, for messages.
        load_path: the input artifact, if another task wrote it.
        save_path: the output artifact, if another task reads it.
        job: the engine's id of the job, empty where tasks are not told of it.
        checksum: what the input artifact's metadata say of its content.
    """

    def __init__(
        self,
        name: str,
        load_path: Path | None,
        save_path: Path | None,
        *,
        job: str = "",
        checksum: str = "",
    ) -> None:
        self._name = name
        self._load_path = load_path
        self._save_path = save_path
        self._job = job
        self._checksum = checksum
        self.saved: dict[str, Any] | None = None

    def load(self) -> Any:
        path = self._load_path or self._save_path
        assert path is not None
        try:
            return load_object(path, job=self._job, checksum=self._expected())
        except TaskError as error:
            raise DatasetError(f"dataset '{self._name}': {error}") from error

    def save(self, data: Any) -> None:
        assert self._save_path is not None, "only outputs are saved"
        try:
            self.saved = save_object(data, self._save_path, job=self._job)
        except OSError as error:
            raise DatasetError(
                f"dataset '{self._name}' cannot be written to {self._save_path}: {error.strerror}"
            ) from error
        except Exception as error:
            if isinstance(data, Iterator):
                # Its items are made while they are saved, by code of the project's.
                raise DatasetError(
                    f"dataset '{self._name}' is an iterator, and an item of it could not be made "
                    f"or pickled ({type(error).__name__}: {error})"
                ) from error
            kind = f"{type(data).__module__}.{type(data).__qualname__}"
            raise DatasetError(
                f"dataset '{self._name}' is a {kind}, which cannot be pickled to reach the next "
                f"task ({type(error).__name__}: {error}); declare it in the catalog as a file, or "
                "group its writer and readers into one task"
            ) from error

    def _expected(self) -> str:
        """The checksum of what is loaded: of another task's artifact, or of what was saved here."""
        if self._load_path is not None:
            return self._checksum
        return str((self.saved or {}).get("checksum", ""))

    def _exists(self) -> bool:
        path = self._load_path or self._save_path
        return path is not None and path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"load_path": self._load_path, "save_path": self._save_path}


def put(catalog: CatalogProtocol[Any, Any], name: str, dataset: ObjectDataset) -> None:
    """Replace a catalog's entry.

    Raises:
        TaskError: the entry keeps its data elsewhere than in memory, which no compiler saw.
    """
    found = catalog.get(name)
    if found is not None and not _is_object(found):
        raise TaskError(
            f"dataset '{name}' is a {type(found).__name__} in this container and was none when the "
            "pipeline was compiled: the catalog must be the same in every environment that runs it"
        )
    replace_entry(catalog, name, dataset)


def _is_object(dataset: Any) -> bool:
    wrapped = getattr(dataset, "_dataset", None)
    if isinstance(wrapped, AbstractDataset):
        return _is_object(wrapped)
    if isinstance(dataset, (MemoryDataset, SharedMemoryDataset)):
        return True
    metadata = getattr(dataset, "metadata", None) or {}
    return bool((metadata.get("vertexai") or {}).get("travel") == "object")
