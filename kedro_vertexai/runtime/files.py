"""Local files and directories between an artifact's path and a dataset's own path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kedro_vertexai.copying import (
    Copied,
    CopyRefusedError,
    copy_in_place,
    copy_path,
    make_empty,
    remove,
    shown,
)
from kedro_vertexai.errors import TaskError

_UNKNOWN: Mapping[str, Any] = MappingProxyType({})


def copy_in(
    artifact: Path,
    dataset: Path,
    name: str,
    metadata: Mapping[str, Any] = _UNKNOWN,
    *,
    merge: bool = False,
) -> None:
    """Put an input artifact where the dataset looks for it.

    Args:
        artifact: where the engine has it.
        dataset: the dataset's own path; what is there is replaced as a whole.
        name: the dataset's name, for messages.
        metadata: the artifact's, as `copy_out` returned it; what it does not say is not checked.
        merge: lay the files of a directory over those that are there, for several artifacts
            that belong into one.

    Raises:
        TaskError: there is no such artifact, it is not whole, or the dataset's place cannot be
            written. The dataset's own path is as before, unless it was being merged into.
    """
    if metadata.get("absent"):
        return

    def check(copied: Copied) -> None:
        if reason := _lack(copied, metadata):
            raise TaskError(f"dataset '{name}': its artifact is not whole: {reason} ({artifact})")

    with _told(artifact, dataset, name):
        if os.path.lexists(artifact):
            copy_path(artifact, dataset, merge=merge, check=check)
        elif metadata.get("empty"):
            # An object store keeps no empty directory.
            make_empty(dataset, merge=merge)
        else:
            raise TaskError(f"dataset '{name}': its artifact is not at {artifact}")


def copy_out(dataset: Path, artifact: Path, name: str) -> dict[str, Any]:
    """Put what the dataset saved where the engine looks for it; return its metadata.

    The metadata has `bytes` and, for a directory, `files`, the number of its files. It has
    `absent` for a dataset that saved nothing, such as a partitioned dataset without partitions,
    and `empty` for a directory without any file. By it `copy_in` knows what is not whole.

    Raises:
        TaskError: what was saved cannot be copied; nothing is left of it.
    """
    with _told(dataset, artifact, name):
        if not os.path.lexists(dataset):
            remove(artifact)
            return {"absent": True}
        # In place: the artifact's may be a mounted bucket. Engines hand on only what a task that
        # succeeded left, and an earlier attempt's is cleared.
        copied = copy_in_place(dataset, artifact)
    if not dataset.is_dir():
        return {"bytes": copied.bytes}
    if not copied.files:
        return {"empty": True}
    return {"bytes": copied.bytes, "files": copied.files}


def _lack(copied: Copied, metadata: Mapping[str, Any]) -> str:
    """How an artifact differs from what its metadata says; empty if it does not.

    An engine may have made its numbers floating-point ones.
    """
    files = 0 if metadata.get("empty") else metadata.get("files")
    if files is not None and copied.files != files:
        return f"it has {copied.files} of {files:g} files"
    size = metadata.get("bytes")
    if size is not None and copied.bytes != size:
        return f"it has {copied.bytes} of {size:.0f} bytes"
    return ""


@contextmanager
def _told(source: Path, target: Path, name: str) -> Iterator[None]:
    """Tell an error of the system as the dataset's."""
    try:
        yield
    except CopyRefusedError as error:
        reason = f"{shown(error.filename)} {error.strerror}"
        raise TaskError(f"dataset '{name}' cannot be copied: {reason}") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        failed = str(error.filename or target)
        # What is being written has another name until it is whole.
        place = failed if Path(failed).is_relative_to(source) else str(target)
        action = "read from" if place == failed else "copied to"
        raise TaskError(f"dataset '{name}' cannot be {action} {shown(place)}: {reason}") from error
