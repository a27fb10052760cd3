"""Bytes from files to files, those of a directory several at a time."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kedro_vertexai.copying.walk import join, walk

# Threads help where a file waits: when it is large, or on a mounted bucket, which takes some 50 ms
# to answer whatever the size. Where nothing waits, they only cost: of 2,000 small files in memory,
# two threads on two free cores took twice the processor time of one, for Python's lock, and no less
# time. So one starts, and one more after each interval in which too few files were finished.
_THREADS = 8
_INTERVAL = 0.1  # seconds
_FEW_FILES = 20
# Bytes at once: asked of the kernel, and held in memory where it cannot do it.
_RANGE = 1 << 30
_BUFFER = 1 << 20
# What file systems, sandboxes and old kernels say that cannot copy by themselves.
_NOT_BY_KERNEL = frozenset(
    {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EIO}
)
_READ = os.O_RDONLY | os.O_CLOEXEC
# Never over another file: where case does not count, two names may be one.
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True)
class Copied:
    """What a copy consists of.

    Args:
        files: how many files.
        bytes: the size of all of them.
        skipped: how many of the files were there already and were not copied.
    """

    files: int = 0
    bytes: int = 0
    skipped: int = 0

    def __add__(self, other: Copied) -> Copied:
        return Copied(
            self.files + other.files, self.bytes + other.bytes, self.skipped + other.skipped
        )


class _Directory(NamedTuple):
    """One directory of a source.

    Args:
        source: its path.
        target: where its files go.
        known: the directory in whose place it will be, if there is one now.
        link: whether a file of `known` that is the same belongs into `target` too.
    """

    source: str
    target: str
    known: str | None
    link: bool


_Jobs = deque[tuple[_Directory, str]]


def copy_tree(
    source: Path, target: Path, *, known: Path | None = None, link: bool = False
) -> Copied:
    """Copy a directory to where there is none, or an empty one.

    Args:
        source: the directory.
        target: the new one.
        known: a directory whose files may be right already. These are not copied.
        link: whether the new directory gets those as well, as hard links.

    Raises:
        OSError: something cannot be read or written, or is refused (`CopyRefusedError`).
    """
    jobs: _Jobs = deque()
    there = _plain_directory(os.fspath(known)) if known else None
    known_paths = {"": there}
    for relative, names in walk(os.fspath(source)):
        if relative:
            there = known_paths[relative.rpartition("/")[0]]
            name = relative.rpartition("/")[2]
            known_paths[relative] = there = there and _plain_directory(f"{there}/{name}")
        path = join(os.fspath(target), relative)
        if relative or not target.is_dir():
            Path(path).mkdir()
        directory = _Directory(join(os.fspath(source), relative), path, there, link)
        jobs.extend((directory, name) for name in names)
    return _copy_all(jobs)


def copy_file(source: str, target: str) -> int:
    """Copy a file with its time to where there is none; return its bytes.

    Raises:
        OSError: it cannot be read or written.
    """
    reading = os.open(source, _READ)
    try:
        found = os.fstat(reading)
        writing = os.open(target, _WRITE, 0o666)
        try:
            size = _copy_bytes(reading, writing)
            # Before it is closed: a mounted bucket then needs no second request for it. One that
            # keeps no times has its files copied anew the next time.
            with suppress(OSError):
                os.utime(writing, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(writing)
    except OSError as error:
        if error.filename is None:
            raise OSError(error.errno, error.strerror, target) from error
        raise
    finally:
        os.close(reading)
    return size


def is_unchanged(found: os.stat_result, target: str | Path) -> bool:
    """Whether the file at the target is the one found: rsync's quick check, size and time.

    A time of whole seconds proves nothing: a file system or an archive that keeps no better
    ones gives the same to two versions.
    """
    try:
        there = os.lstat(target)
    except OSError:
        return False
    if (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino):
        return True
    return (
        stat.S_ISREG(there.st_mode)
        and found.st_size == there.st_size
        and found.st_mtime_ns == there.st_mtime_ns
        and found.st_mtime_ns % 1_000_000_000 != 0
    )


def tally(source: Path) -> Copied:
    """What a directory consists of, all of it there already.

    Raises:
        OSError: something cannot be read, or is refused (`CopyRefusedError`).
    """
    sizes = [
        (source / relative / name).stat().st_size
        for relative, names in walk(os.fspath(source))
        for name in names
    ]
    return Copied(len(sizes), sum(sizes), len(sizes))


def _plain_directory(path: str) -> str | None:
    """The path if there is a directory, not a link to one.

    A file found through a link would then be shared with what the link leads to.
    """
    try:
        return path if stat.S_ISDIR(os.lstat(path).st_mode) else None
    except OSError:
        return None


def _copy_all(jobs: _Jobs) -> Copied:
    if len(jobs) < 2:
        return _copy_some(jobs)
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(_THREADS) as pool:
        left = len(jobs)
        threads = [pool.submit(_copy_some, jobs)]
        try:
            while jobs:
                wait(threads, _INTERVAL, FIRST_COMPLETED)
                before, left = left, len(jobs)
                if left and before - left < _FEW_FILES and len(threads) < _THREADS:
                    threads.append(pool.submit(_copy_some, jobs))
        except BaseException:
            jobs.clear()
            raise
    return sum((thread.result() for thread in threads), Copied())


def _copy_some(jobs: _Jobs) -> Copied:
    """Copy files until none is left, or one of them cannot be copied, by whichever thread."""
    files = size = skipped = 0
    try:
        while jobs:
            try:
                directory, name = jobs.popleft()
            except IndexError:
                break
            files += 1
            kept = _keep(directory, name) if directory.known else None
            if kept is None:
                size += copy_file(f"{directory.source}/{name}", f"{directory.target}/{name}")
            else:
                size += kept
                skipped += 1
    except BaseException:
        jobs.clear()
        raise
    return Copied(files, size, skipped)


def _keep(directory: _Directory, name: str) -> int | None:
    """Leave or link the file that is known, if it is the same: its bytes, or None."""
    known = f"{directory.known}/{name}"
    found = Path(directory.source, name).stat()
    if not is_unchanged(found, known):
        return None
    if directory.link:
        try:
            os.link(known, f"{directory.target}/{name}")
        except OSError:
            # Not every file system has hard links, and not every file may be linked.
            return None
    return found.st_size


def _copy_bytes(reading: int, writing: int) -> int:
    """Copy to the end, through this process only where the kernel cannot do it alone."""
    size = 0
    if hasattr(os, "copy_file_range"):
        try:
            while count := os.copy_file_range(reading, writing, _RANGE):
                size += count
        except OSError as error:
            if error.errno not in _NOT_BY_KERNEL:
                raise
        else:
            if size:
                return size
    # Also where the kernel found nothing: it does so in files whose size is not known.
    while chunk := os.read(reading, _BUFFER):
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(writing, rest) :]
    return size
