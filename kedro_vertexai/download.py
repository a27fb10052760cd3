"""Artifacts as files on this machine: compared with what is there, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from kedro_vertexai.errors import RunError
from kedro_vertexai.staging import files_below
from kedro_vertexai.storage import open_filesystem, protocol_of, storage_errors
from kedro_vertexai.targets.local.layout import local_path

_CHUNK = 1024 * 1024
# A file that does not come as it lies there is fetched once more.
_ATTEMPTS = 2


class Difference(str, Enum):
    """How a local file stands to the artifact's. NEWER: changed here after that was made."""

    MISSING = "missing"
    SAME = "same"
    OLDER = "older"
    NEWER = "newer"
    OTHER_KIND = "other kind"


@dataclass(frozen=True)
class RemoteFile:
    """One file of an artifact, and where it goes.

    `place` is the dataset's own path, of which `target` is the whole or a part.
    """

    filesystem: Any
    uri: str
    source: str
    size: int
    place: Path
    target: Path
    md5: str = ""


@dataclass
class Artifacts:
    """Finds the files of artifacts; a connection is made once for each protocol."""

    _filesystems: dict[str, Any] = field(default_factory=dict)

    def files(self, uri: str, place: Path) -> list[RemoteFile]:
        """The files of an artifact that goes to `place`.

        Raises:
            RunError: it cannot be reached, nothing lies there, or it has a file whose name leads
                out of it.
        """
        path = local_path(uri)
        if path is not None:
            filesystem, found = self._local(path)
        else:
            filesystem, found = self._remote(uri)
        return [
            RemoteFile(
                filesystem=filesystem,
                uri=uri,
                source=source,
                size=size,
                place=place,
                target=place / _safe(name, uri) if name else place,
                md5=md5,
            )
            for name, source, size, md5 in found
        ]

    def _local(self, path: Path) -> tuple[Any, list[tuple[str, str, int, str]]]:
        from fsspec.implementations.local import LocalFileSystem

        try:
            found = files_below(path) if path.is_dir() else [("", path)]
            return LocalFileSystem(), [
                (name, str(file), file.stat().st_size, "") for name, file in found
            ]
        except OSError as error:
            raise RunError(f"{error.filename} cannot be read: {error.strerror}") from error

    def _remote(self, uri: str) -> tuple[Any, list[tuple[str, str, int, str]]]:
        protocol = protocol_of(uri)
        if protocol not in self._filesystems:
            self._filesystems[protocol] = open_filesystem(uri)[0]
        filesystem = self._filesystems[protocol]
        with storage_errors(uri):
            base = filesystem._strip_protocol(uri).rstrip("/")
            found = filesystem.find(base, detail=True)
        if not found:
            raise RunError(f"nothing lies at {uri} any more")
        return filesystem, [
            (path[len(base) + 1 :], path, int(info["size"]), str(info.get("md5Hash") or ""))
            for path, info in sorted(found.items())
            # Consoles make an object for a directory.
            if info.get("type") == "file" and not path.endswith("/")
        ]


def _safe(name: str, uri: str) -> Path:
    """A relative name as a path that stays inside.

    Raises:
        RunError: an object may have any name, `../../.bashrc` as well.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise RunError(f"{uri} holds an object whose name leads out of it: {name!r}")
    return Path(*PurePosixPath(name).parts)


def compare(file: RemoteFile) -> Difference:
    """Compare a file of an artifact with what is on this machine.

    Raises:
        RunError: either cannot be read.
    """
    target = file.target
    try:
        if target.is_dir() or _is_below_a_file(file):
            return Difference.OTHER_KIND
        if not target.exists():
            return Difference.MISSING
        with storage_errors(file.uri):
            if _is_same(file):
                return Difference.SAME
        modified = target.stat().st_mtime
    except OSError as error:
        raise RunError(f"{target} cannot be read: {error.strerror}") from error
    return Difference.NEWER if modified > _made(file) else Difference.OLDER


def _is_below_a_file(file: RemoteFile) -> bool:
    below = (parent for parent in file.target.parents if parent.is_relative_to(file.place))
    return any(parent.is_file() for parent in below)


def _is_same(file: RemoteFile) -> bool:
    with file.target.open("rb") as ours:
        if os.fstat(ours.fileno()).st_size != file.size:
            return False
        if file.md5:
            return _md5(ours) == file.md5
        with file.filesystem.open(file.source, "rb") as theirs:
            while chunk := ours.read(_CHUNK):
                if theirs.read(len(chunk)) != chunk:
                    return False
    return True


def _made(file: RemoteFile) -> float:
    """When the artifact's file was written, in seconds since the epoch."""
    with storage_errors(file.uri):
        try:
            return float(file.filesystem.modified(file.source).timestamp())
        except NotImplementedError:
            # Not every file system knows; then a local file is taken for newer.
            return 0.0


def fetch(file: RemoteFile, advance: Callable[[int], None], stop: threading.Event) -> None:
    """Write one file in place of what is there, in one step.

    Args:
        file: what to fetch.
        advance: hears of bytes as they come.
        stop: set to give up.

    Raises:
        RunError: it cannot be read or written, or does not come as it lies there; what was there
            is untouched.
    """
    if stop.is_set():
        return
    with _part(file) as part:
        progress = _callback(advance, stop)
        for _ in range(_ATTEMPTS):
            with storage_errors(file.uri):
                file.filesystem.get_file(file.source, str(part), callback=progress)
            if not (wrong := _what_is_wrong(file, part)):
                break
        else:
            raise RunError(f"{file.uri}: {wrong}, run again")
        part.replace(file.target)
        # Not every file system tells while it copies.
        advance(file.size - progress.value)


def _what_is_wrong(file: RemoteFile, part: Path) -> str:
    """What came differently from what the storage says of the file; empty if nothing did."""
    size = part.stat().st_size
    if size != file.size:
        return f"{size} bytes of {file.size} came"
    with part.open("rb") as stream:
        if file.md5 and _md5(stream) != file.md5:
            return "it came damaged"
    return ""


def _md5(stream: BinaryIO) -> str:
    """The digest of what is left in a stream, as Cloud Storage writes it."""
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()


@contextmanager
def _part(file: RemoteFile) -> Iterator[Path]:
    """A file to write into: beside the dataset, of which a partitioned one reads every file."""
    try:
        file.target.parent.mkdir(parents=True, exist_ok=True)
        beside = file.place.parent
        if beside.stat().st_dev != file.target.parent.stat().st_dev:
            # Nothing is renamed from one file system to another.
            beside = file.target.parent
        part = beside / f".{file.place.name}.{secrets.token_hex(4)}.part"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"cannot write {file.target}: {error.strerror}") from error


class _StoppedError(Exception):
    """Another file failed, or the user gave up."""


def _callback(advance: Callable[[int], None], stop: threading.Event) -> Any:
    from fsspec.callbacks import Callback

    class Bytes(Callback):  # type: ignore[misc]
        """Passes on what fsspec tells, and ends a transfer that is no longer wanted."""

        def relative_update(self, inc: int = 1) -> None:
            if stop.is_set():
                raise _StoppedError
            self.value += inc
            advance(inc)

        def absolute_update(self, value: int) -> None:
            self.relative_update(value - self.value)

    return Bytes()
