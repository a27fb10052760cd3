"""An artifact whose file lies at a remote place: saved there, and logged from there.

kedro-mlflow logs a path of the local disk, which `gs://bucket/file` is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError


class RemoteArtifact(AbstractDataset[Any, Any]):
    """A dataset at a remote place that is logged when it is saved.

    Args:
        dataset: the entry of the dataset that keeps the data.
        dataset_name: its name in the catalog.
        artifact_path: the directory among the run's artifacts.
        credentials: those of the entry itself, which kedro-mlflow takes and does not use.
        metadata: of the entry.
        run_id: always None; an entry with one loads from that run.
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        dataset_name: str,
        artifact_path: str | None = None,
        credentials: dict[str, Any] | None = None,  # noqa: ARG002
        metadata: Any = None,
        run_id: None = None,  # noqa: ARG002
    ) -> None:
        self.metadata = metadata
        self._name = dataset_name
        self._artifact_path = artifact_path
        self._dataset: Any = AbstractDataset.from_config(dataset_name, dataset)

    def load(self) -> Any:
        return self._dataset.load()

    def save(self, data: Any) -> None:
        # A versioned dataset refuses to name the path once something is there.
        path = self._saved_path()
        self._dataset.save(data)
        with TemporaryDirectory() as directory:
            copy = f"{directory}/{path.name}"
            self._file_system().get(path.as_posix(), copy, recursive=True)
            mlflow.log_artifact(copy, self._artifact_path)

    def _exists(self) -> bool:
        return bool(self._dataset.exists())

    def _describe(self) -> dict[str, Any]:
        return {"dataset": str(self._dataset), "artifact_path": self._artifact_path}

    def _saved_path(self) -> PurePosixPath:
        if isinstance(self._dataset, AbstractVersionedDataset):
            return PurePosixPath(self._dataset._get_save_path())
        for attribute in ("_filepath", "_path"):
            path = getattr(self._dataset, attribute, None)
            if path is not None:
                return PurePosixPath(path)
        raise self._unknown("its class does not tell where it saves")

    def _file_system(self) -> Any:
        """That of the dataset, which holds its credentials."""
        for attribute in ("_fs", "_filesystem"):
            found = getattr(self._dataset, attribute, None)
            if found is not None:
                return found
        raise self._unknown("its class has no file system to read from")

    def _unknown(self, reason: str) -> DatasetError:
        return DatasetError(
            f"'{self._name}' is saved at a remote place and cannot be logged to MLflow: {reason}; "
            "give the MlflowArtifactDataset a local path"
        )


def is_remote(entry: Any) -> bool:
    """Whether a dataset's entry names a place that is not on the local disk."""
    from kedro.io.core import get_protocol_and_path

    if not isinstance(entry, Mapping):
        return False
    place = entry.get("filepath") or entry.get("path")
    return bool(place) and get_protocol_and_path(str(place))[0] not in ("file", "local")
