"""Raw inputs on the user's disk: named by content, uploaded once, found by every task."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
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


def stage(staged: StagedInput, root: Path, project_path: Path) -> None:
    """Put one input under a run root on this disk, unless it is there already.

    It is copied beside its place, read again there and then renamed: neither an interrupted
    copy nor a file that changed meanwhile is ever taken for this content.

    Args:
        staged: what to put there.
        root: the run root.
        project_path: what `staged.path` is relative to.

    Raises:
        RunError: the input is gone or changes, or the root cannot be written.
    """
    target = Path(staged_uri(str(root), staged))
    if target.exists():
        return
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(staged, project_path, part)
        if staged.content is None and digest_of(part) != staged.digest:
            raise RunError(f"input '{staged.dataset}' changed while it was read: run again")
        with suppress(FileExistsError):
            # Another run may have been faster; a directory is not replaced.
            part.rename(target)
    except OSError as error:
        if not target.exists():
            raise RunError(
                f"input '{staged.dataset}' cannot be staged at {target}: {error.strerror} "
                f"({error.filename})"
            ) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _copy(staged: StagedInput, project_path: Path, target: Path) -> None:
    source = project_path / staged.path
    if staged.content is not None:
        target.write_bytes(staged.content)
    elif source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _files(directory: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(directory):
        directories.sort()
        yield from (Path(parent, name) for name in sorted(names))
