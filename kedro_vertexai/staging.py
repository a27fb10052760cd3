"""Raw inputs on the user's disk: named by content, uploaded once, found by every task."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError

if TYPE_CHECKING:
    from kedro_vertexai.plan.model import StagedInput

_CHUNK = 1024 * 1024


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, or of a directory's relative names and bytes."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in _files(path):
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            digest.update(bytes.fromhex(digest_of(file)))
    else:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def staged_uri(root: str, staged: StagedInput) -> str:
    """Where this content lies under the run root; the same content has the same URI."""
    return f"{root.rstrip('/')}/inputs/{staged.digest}/{staged.name}"


def stage(staged: StagedInput, root: str, project_path: Path) -> bool:
    """Upload one input unless it is there already; True if it was uploaded.

    The last step is a rename or the write of a marker that names the content complete, so
    that an interrupted upload is never taken for whole.

    Args:
        staged: what to upload.
        root: the run root: a plain path or any URL that fsspec knows.
        project_path: what `staged.path` is relative to.

    Raises:
        RunError: the input is gone, or the root cannot be written.
    """
    import fsspec

    uri = staged_uri(root, staged)
    filesystem, target = fsspec.core.url_to_fs(uri)
    marker = f"{target.rsplit('/', 1)[0]}/.complete"
    try:
        if filesystem.exists(marker):
            return False
        filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if staged.content is not None:
            filesystem.pipe_file(target, staged.content)
        else:
            source = project_path / staged.path
            _put(filesystem, source, target)
        filesystem.pipe_file(marker, b"")
    except OSError as error:
        raise RunError(
            f"input '{staged.dataset}' cannot be staged at {uri}: "
            f"{error.strerror or type(error).__name__} ({error.filename or target})"
        ) from error
    return True


def _put(filesystem: object, source: Path, target: str) -> None:
    pairs = [(source, target)]
    if source.is_dir():
        pairs = [
            (file, f"{target}/{file.relative_to(source).as_posix()}") for file in _files(source)
        ]
    for file, destination in pairs:
        filesystem.makedirs(destination.rsplit("/", 1)[0], exist_ok=True)  # type: ignore[attr-defined]
        filesystem.put_file(str(file), destination)  # type: ignore[attr-defined]


def _files(directory: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(directory):
        directories.sort()
        yield from (Path(parent, name) for name in sorted(names))
