"""Where a copy is assembled, and how it gets into its place."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kedro_vertexai.copying.walk import OURS, join, walk

# What a rename says where something of the other kind, or a directory with files, is in its way.
_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A directory beside the target, so on the same disk, that is gone afterwards.

    It is locked as long as this process lives: what a killed one left is known by that.
    """
    parent = target.parent
    parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    prefix = f"{OURS}-{digest}-"
    _clear_leftovers(parent, prefix)
    place, lock = _make_place(parent, prefix)
    try:
        yield place
    finally:
        # By now the copy is in its place, or has failed for a reason that matters more.
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def put(new: Path, target: Path, place: Path) -> None:
    """Rename to the target; what is in the way goes to `place`.

    Raises:
        OSError: it cannot be renamed.
    """
    while True:
        try:
            new.replace(target)
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
        else:
            return
        try:
            target.rename(place / secrets.token_hex(4))
        except FileNotFoundError:
            # Another process has just done the same.
            continue
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # A container's disk renames no directory of its image. What is killed here is
            # killed with that disk.
            remove(target)


def lay_over(new: Path, target: Path) -> None:
    """Rename each file of a directory into another one.

    Raises:
        OSError: one cannot be renamed.
    """
    for relative, names in walk(os.fspath(new)):
        directory = target / relative
        if not directory.is_dir():
            remove(directory)
            directory.mkdir()
        for name in names:
            file = directory / name
            if file.is_dir():
                remove(file)
            (new / join(relative, name)).replace(file)


def remove(path: Path) -> None:
    """Remove a file, link or directory, if there is one.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def _clear_leftovers(parent: Path, prefix: str) -> None:
    """Remove what killed processes left; what cannot be removed only takes space."""
    with os.scandir(parent) as entries:
        leftovers = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for leftover in leftovers:
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _take_lock(lock):
                    shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(lock)


def _make_place(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        place = parent / f"{prefix}{secrets.token_hex(4)}.partial"
        place.mkdir()
        try:
            lock = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        # Before it was locked, another process may have taken it for a leftover.
        if _take_lock(lock, otherwise=True) and place.is_dir():
            return place, lock
        os.close(lock)


def _take_lock(descriptor: int, *, otherwise: bool = False) -> bool:
    """Lock for this process: whether no other one has, or `otherwise` where there are no locks."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return otherwise
    return True
