"""Raw inputs on the user's disk: named by content, copied once, found by every task."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.file_digest import file_digest

if TYPE_CHECKING:
    from kedro_vertexai.plan.model import StagedInput


@dataclass(frozen=True)
class SourceFile:
    """One file of an input: `name` below the input's URI (empty for a single file), and bytes.

    `size` is in bytes. `source` is the file, or the bytes themselves for large parameters.
    """

    name: str
    source: Path | bytes
    size: int


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, or of a directory's relative names and bytes.

    Raises:
        OSError: it cannot be read, or `files_below` refuses what is in it.
    """
    if not path.is_dir():
        return file_digest(path)
    return tree_digest({name: file_digest(file) for name, file in files_below(path)})


def tree_digest(digests: Mapping[str, str]) -> str:
    """The digest of a directory from those of its files, by relative name in their order."""
    # Or an empty directory would be an empty file.
    whole = hashlib.sha256(b"directory\0")
    for name, digest in digests.items():
        whole.update(name.encode("utf-8", "surrogateescape") + b"\0")
        whole.update(bytes.fromhex(digest))
    return whole.hexdigest()


def file_digests(files: Iterable[SourceFile]) -> dict[str, str]:
    """The SHA-256 of every file of an input, by name."""
    return {
        file.name: hashlib.sha256(file.source).hexdigest()
        if isinstance(file.source, bytes)
        else file_digest(file.source)
        for file in files
    }


def staged_uri(root: str, staged: StagedInput) -> str:
    """Where this content lies under the run root; the same content has the same URI."""
    return f"{root.rstrip('/')}/inputs/{staged.digest}/{staged.name}"


def source_files(staged: StagedInput, project_path: Path) -> list[SourceFile]:
    """The files of an input, sorted as its digest takes them.

    Raises:
        RunError: it is gone, or `files_below` refuses what is in it.
    """
    if staged.content is not None:
        return [SourceFile("", staged.content, len(staged.content))]
    source = project_path / staged.path
    with reading(staged):
        found = list(files_below(source)) if source.is_dir() else [("", source)]
        return [SourceFile(name, file, file.stat().st_size) for name, file in found]


@contextmanager
def reading(staged: StagedInput) -> Iterator[None]:
    """Name the input that cannot be read.

    Raises:
        RunError: in place of the system's error.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"input '{staged.dataset}' cannot be read: {error.strerror} ({error.filename})"
        ) from error


def changed(staged: StagedInput) -> RunError:
    """The error of an input that is no longer what was planned."""
    return RunError(f"input '{staged.dataset}' changed while it was read: run again")


def stage(staged: StagedInput, root: Path, project_path: Path) -> bool:
    """Put one input under a run root on this disk, unless it is there already.

    It is copied beside its place, read again there and then renamed: neither an interrupted
    copy nor a file that changed meanwhile is ever taken for this content.

    Args:
        staged: what to put there.
        root: the run root.
        project_path: what `staged.path` is relative to.

    Returns:
        Whether it was put there now.

    Raises:
        RunError: the input is gone or changes, or the root cannot be written.
    """
    target = Path(staged_uri(str(root), staged))
    if target.exists():
        return False
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(staged, project_path, part)
        if staged.content is None and digest_of(part) != staged.digest:
            raise changed(staged)
        with suppress(FileExistsError):
            # Another run may have been faster; a directory is not replaced.
            part.rename(target)
    except OSError as error:
        if not target.exists():
            # copytree tells of every file, an error of the system of one.
            reason = error.strerror or type(error).__name__
            raise RunError(
                f"input '{staged.dataset}' cannot be staged at {target}: {reason} "
                f"({error.filename or project_path / staged.path})"
            ) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            # It may never have come to be, for the reason that is told.
            with suppress(OSError):
                part.unlink()
    return True


def _copy(staged: StagedInput, project_path: Path, target: Path) -> None:
    source = project_path / staged.path
    if staged.content is not None:
        target.write_bytes(staged.content)
    elif source.is_dir():
        # Links are followed, as for the digest, which has refused those that lead in circles.
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)


def files_below(directory: Path) -> Iterator[tuple[str, Path]]:
    """The files below a directory by relative POSIX name, in the order of their names.

    Symbolic links are followed: what they lead to is part of the data.

    Raises:
        OSError: a directory cannot be read, a link leads nowhere or back to a directory that it
            lies in, or an entry is neither file nor directory (a pipe would block its reader).
    """
    yield from _below(directory, "", frozenset({_identity(directory)}))


def _below(
    directory: Path, prefix: str, above: frozenset[tuple[int, int]]
) -> Iterator[tuple[str, Path]]:
    entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    directories = []
    for entry in entries:
        path = Path(entry.path)
        try:
            mode = entry.stat().st_mode
        except FileNotFoundError as error:
            raise OSError(errno.ENOENT, "a symbolic link to nothing", entry.path) from error
        if stat.S_ISDIR(mode):
            directories.append((entry.name, path))
        elif stat.S_ISREG(mode):
            yield prefix + entry.name, path
        else:
            raise OSError(errno.EINVAL, "neither a file nor a directory", entry.path)
    for name, path in directories:
        identity = _identity(path)
        if identity in above:
            raise OSError(errno.ELOOP, "a symbolic link leads back to a directory above", str(path))
        yield from _below(path, f"{prefix}{name}/", above | {identity})


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
