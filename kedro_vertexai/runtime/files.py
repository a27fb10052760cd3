"""Local files and directories between an artifact's path and a dataset's own path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro_vertexai.errors import TaskError


def copy_in(
    artifact: Path,
    dataset: Path,
    name: str,
    metadata: Mapping[str, Any] | None = None,
    *,
    merge: bool = False,
) -> None:
    """Put an input artifact where the dataset looks for it.

    Raises:
        TaskError: there is no such artifact, or the dataset's place cannot be written.
    """
    if metadata and metadata.get("absent"):
        return
    if not artifact.exists():
        raise TaskError(f"dataset '{name}': its artifact is not at {artifact}")
    _copy(artifact, dataset, name)


def copy_out(dataset: Path, artifact: Path, name: str) -> dict[str, Any]:
    """Put what the dataset saved where the engine looks for it; return its metadata.

    The metadata has `bytes`, or `absent` for a dataset that saved nothing, such as a
    partitioned dataset without partitions. The place is written directly: engines hand on
    what a task that succeeded left, and a mounted bucket cannot rename a directory
    (https://cloud.google.com/storage/docs/cloud-storage-fuse/overview#limitations).
    """
    if not dataset.exists():
        return {"absent": True}
    _copy(dataset, artifact, name)
    return {"bytes": _size(artifact)}


def _copy(source: Path, target: Path, name: str) -> None:
    """Copy a file or a directory over whatever an earlier attempt left."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            if target.is_dir():
                shutil.rmtree(target)
            shutil.copytree(source, target, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        # copytree tells of every file, an error of the system of one.
        reason = error.strerror or type(error).__name__
        raise TaskError(
            f"dataset '{name}' cannot be copied to {error.filename2 or target}: {reason}"
        ) from error


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
