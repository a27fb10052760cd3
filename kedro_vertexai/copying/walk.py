"""What is to be copied: the files of a directory, and what is refused."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

# Every name of ours: hidden, and with no suffix that a dataset's pattern (`*.csv`) would take.
OURS = ".kedro-vertexai-copy"
# The file that says of a directory that it is not whole.
UNFINISHED = f"{OURS}.unfinished"

_SPECIAL = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


class CopyRefusedError(OSError):
    """What is to be copied is no file or directory that could arrive as it is.

    `filename` is what is refused; `strerror` says why, and goes on after it as a sentence.
    """


def is_directory(source: Path) -> bool:
    """Whether it is a directory; False for a file.

    Raises:
        CopyRefusedError: it is neither.
        FileNotFoundError: there is nothing.
    """
    try:
        mode = source.stat().st_mode
    except FileNotFoundError:
        if source.is_symlink():
            raise _refusal(str(source)) from None
        raise
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise _refusal(str(source))
    return stat.S_ISDIR(mode)


def refuse_overlap(source: Path, target: Path) -> None:
    """Refuse to copy a directory into itself, or over the one that it lies in.

    Raises:
        CopyRefusedError: one path is inside of the other.
    """
    real_source = source.resolve()
    # A link at the target is replaced, not followed.
    real_target = target.parent.resolve() / target.name
    if real_target != real_source and real_target.is_relative_to(real_source):
        reason = f"lies inside of {shown(source)}, which is to be copied there"
        raise CopyRefusedError(errno.EINVAL, reason, str(target))
    if real_target != real_source and real_source.is_relative_to(real_target):
        reason = f"lies inside of {shown(target)}, which it is to replace"
        raise CopyRefusedError(errno.EINVAL, reason, str(source))


def walk(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each directory, relative to the source and after its parent, with its files' names.

    The source itself is the first, with an empty path. Links are followed.

    Raises:
        CopyRefusedError: there is something that is no file or directory, or a link to a
            directory above it.
        OSError: a directory cannot be read.
    """
    stack: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while stack:
        relative, above = stack.pop()
        directory = join(source, relative)
        found = Path(directory).stat()
        identity = (found.st_dev, found.st_ino)
        if identity in above:
            reason = "is a symbolic link to a directory that it lies in"
            raise CopyRefusedError(errno.ELOOP, reason, directory)
        names = []
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(OURS):
                    _refuse_unfinished(entry.name, directory)
                elif entry.is_file():
                    names.append(entry.name)
                elif entry.is_dir():
                    stack.append((join(relative, entry.name), (*above, identity)))
                else:
                    raise _refusal(entry.path)
        yield relative, names


def join(directory: str, name: str) -> str:
    """The path of a name in a directory, where either may be empty."""
    return f"{directory}/{name}" if directory and name else directory or name


def shown(path: str | os.PathLike[str]) -> str:
    """A path on one line, whatever its name holds."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else ascii(text)[1:-1]


def _refusal(path: str) -> CopyRefusedError:
    """Why what is at this path, neither a file nor a directory, is not copied."""
    try:
        mode = stat.S_IFMT(Path(path).stat().st_mode)
    except FileNotFoundError:
        reason = "is a symbolic link that leads nowhere"
        return CopyRefusedError(errno.ENOENT, reason, path)
    reason = f"is a {_SPECIAL.get(mode, 'special file')}, not a file"
    return CopyRefusedError(errno.EINVAL, reason, path)


def _refuse_unfinished(name: str, directory: str) -> None:
    """Pass over what a killed copy left beside its place; refuse what it left in its place."""
    if name == UNFINISHED:
        reason = "is not whole: what copied it there was killed"
        raise CopyRefusedError(errno.EINVAL, reason, directory)
