"""Copies of files and directories: whole, or known not to be.

A copy is assembled beside its place, in a directory whose name no dataset looks for, and then
renamed: a killed copy leaves the place as it was, and the next one clears up after it. Where a
directory cannot be renamed it is written in place, and holds a mark until it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kedro_vertexai.copying.place import beside, lay_over, put, remove
from kedro_vertexai.copying.transfer import Copied, copy_file, copy_tree, is_unchanged, tally
from kedro_vertexai.copying.walk import (
    UNFINISHED,
    CopyRefusedError,
    is_directory,
    refuse_overlap,
    shown,
)

__all__ = [
    "Copied",
    "CopyRefusedError",
    "copy_in_place",
    "copy_path",
    "make_empty",
    "remove",
    "shown",
]


def copy_path(
    source: Path,
    target: Path,
    *,
    merge: bool = False,
    check: Callable[[Copied], None] | None = None,
) -> Copied:
    """Make `target` a copy of a file or directory, in one step; missing parents are made.

    Bytes and modification times are copied, permissions and owners are not: a copy is written
    as any new file is. Symbolic links in the source are followed. A file whose size and time
    are already right is not copied again.

    Args:
        source: a file or a directory.
        target: where the copy belongs. What is there, of either kind, is replaced as a whole.
        merge: lay a directory's files over the directory that is there instead.
        check: called with what was read before `target` is touched; what it raises ends the
            copy, and `target` stays as it was.

    Raises:
        CopyRefusedError: a link that leads nowhere or into itself, a pipe, socket or device, a
            directory whose own copying was never finished, one path inside of the other.
        OSError: a file cannot be read or written; it tells the path.
    """
    copied = _already_there(source, target)
    if copied:
        if check:
            check(copied)
        return copied
    refuse_overlap(source, target)
    is_tree = is_directory(source)
    with beside(target) as place:
        new = place / "new"
        if is_tree:
            copied = copy_tree(source, new, known=target, link=not merge)
        else:
            copied = Copied(1, copy_file(os.fspath(source), os.fspath(new)))
        if check:
            check(copied)
        if merge and is_tree and target.is_dir():
            lay_over(new, target)
        else:
            put(new, target, place)
    return copied


def copy_in_place(source: Path, target: Path) -> Copied:
    """Do as `copy_path`, for a target where a directory cannot be renamed.

    A mounted bucket renames a file, and has to copy a directory's files one by one
    (https://cloud.google.com/storage/docs/cloud-storage-fuse/overview#limitations). So the
    files of a directory get their own names at once, and one more file says until the end that
    the directory is not whole: as long as it is there, `copy_path` refuses the directory. Only
    a copy killed before it writes that file leaves an empty directory that is not refused.

    Raises:
        OSError: as `copy_path` does. Nothing is left of a directory.
    """
    if not is_directory(source) or _is_same(source, target):
        return copy_path(source, target)
    refuse_overlap(source, target)
    if target.is_symlink() or not target.is_dir():
        remove(target)
    target.mkdir(parents=True, exist_ok=True)
    mark = target / UNFINISHED
    try:
        mark.touch()
        for entry in list(target.iterdir()):
            if entry != mark:
                remove(entry)
        copied = copy_tree(source, target)
    except BaseException:
        remove(target)
        raise
    mark.unlink()
    return copied


def make_empty(target: Path, *, merge: bool = False) -> None:
    """Make `target` an empty directory; with `merge`, only where there is no directory.

    Raises:
        OSError: it cannot be made.
    """
    if merge and target.is_dir():
        return
    with beside(target) as place:
        new = place / "new"
        new.mkdir()
        put(new, target, place)


def _already_there(source: Path, target: Path) -> Copied | None:
    """What the target consists of, if it is the source itself or a file that is the same."""
    if is_directory(source):
        return tally(source) if _is_same(source, target) else None
    found = source.stat()
    if _is_same(source, target) or is_unchanged(found, target):
        return Copied(1, found.st_size, 1)
    return None


def _is_same(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:
        # There is no target, or its place is not fit for one: writing there tells.
        return False
