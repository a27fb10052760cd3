"""Local files and directories between an artifact's path and a dataset's own path."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from kedro_vertexai.errors import TaskError


def copy_in(artifact: Path, dataset: Path, name: str) -> None:
    """Put an input artifact where the dataset looks for it.

    Raises:
        TaskError: there is no such artifact, or the dataset's place cannot be written.
    """
    if not artifact.exists():
        raise TaskError(f"dataset '{name}': its artifact is not at {artifact}")
    _copy(artifact, dataset, name)


def copy_out(dataset: Path, artifact: Path, name: str) -> dict[str, Any]:
    """Put what the dataset saved where the engine looks for it; return its metadata.

    The metadata has `bytes`, or `absent` for a dataset that saved nothing, such as a
    partitioned dataset without partitions.
    """
    if not dataset.exists():
        return {"absent": True}
    _copy(dataset, artifact, name)
    return {"bytes": _size(artifact)}


def _copy(source: Path, target: Path, name: str) -> None:
    """Copy beside the target, then rename: a killed copy leaves nothing to be read."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, temporary)
            if target.is_dir():
                shutil.rmtree(target)
        else:
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise TaskError(
            f"dataset '{name}' cannot be copied to {error.filename2 or target}: {error.strerror}"
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):
                temporary.unlink()


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
