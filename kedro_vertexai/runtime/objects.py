"""Python objects as artifacts: saved and loaded with pickle, exactly and in a stream.

A file holds one pickle, or the items of an iterator as one pickle each (`object_stream` says
how). It names the job that wrote it: unpickling runs code, so only what the same run wrote is
unpickled, and of that only bytes whose checksum was found right.
"""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import GeneratorType
from typing import Any, BinaryIO
from uuid import uuid4

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.object_reader import ObjectReader, unreadable
from kedro_vertexai.runtime.object_stream import MAGIC
from kedro_vertexai.runtime.object_writer import ObjectWriter

_OBJECT, _ITEMS = "object", "items"


def save_object(value: Any, path: Path, *, job: str = "") -> dict[str, Any]:
    """Write an object; return metadata that says what it is.

    A generator is consumed, item by item, and so is any other iterator that cannot be pickled;
    what is loaded is then a generator. The memory needed is the object's (or an item's) own and
    a few blocks, beside what its own pickling takes.

    The metadata has `type` (class path), `bytes` (file size), `format`, `checksum` (8 hexadecimal
    digits) and `compression` ("zlib", or "none" where nothing could be made smaller).

    Args:
        value: the object.
        path: the artifact. It appears there whole or not at all, where files can be renamed.
        job: the engine's id of the job, which `load_object` compares.

    Raises:
        OSError: the file cannot be written.
        Exception: whatever the object's own pickling, or the iterator, raises.
    """
    if isinstance(value, GeneratorType):
        return _save(value, path, job, _ITEMS)
    try:
        return _save(value, path, job, _OBJECT)
    except (TypeError, pickle.PicklingError):
        # An open file is an iterator too, of lines; nobody who returns it means them.
        if not isinstance(value, Iterator) or isinstance(value, io.IOBase):
            raise
    return _save(value, path, job, _ITEMS)


def load_object(path: Path, *, job: str = "", checksum: str = "") -> Any:
    """Read an object that `save_object` wrote in this run.

    Where an iterator was saved this returns a generator, which opens the file when its first
    item is asked for and holds one item at a time; it raises what is said here while it runs.

    Args:
        path: the artifact.
        job: the engine's id of this job; an artifact of another job is refused. Empty: of any.
        checksum: as the artifact's metadata has it. It is known at the file's end only, after
            its parts, each by its own sum, were found whole and unpickled.

    Raises:
        TaskError: the file is missing, none of ours, of another job, cut short or damaged, or
            what it holds cannot be unpickled in this environment.
    """
    with _opened(path, job) as reader:
        if reader.about["kind"] == _OBJECT:
            value = _unpickle(reader, path)
            reader.finish(checksum)
            return value
    return _items(path, job, checksum)


def _save(value: Any, path: Path, job: str, kind: str) -> dict[str, Any]:
    import cloudpickle

    type_ = f"{type(value).__module__}.{type(value).__qualname__}"
    about = {"kind": kind, "job": job, "type": type_}
    with _replacing(path) as stream, ObjectWriter(stream, about) as writer:
        # A pickler of its own for each item: its memo would keep all of them alive.
        for part in value if kind == _ITEMS else [value]:
            cloudpickle.Pickler(writer, protocol=5, buffer_callback=writer.take_buffer).dump(part)
            writer.end_item()
        checksum = writer.finish()
        size = stream.tell()
    return {
        "type": type_,
        "bytes": size,
        "format": MAGIC.decode(),
        "checksum": checksum,
        "compression": "zlib" if writer.is_compressed else "none",
    }


def _items(path: Path, job: str, checksum: str) -> Iterator[Any]:
    with _opened(path, job) as reader:
        while reader.has_more():
            yield _unpickle(reader, path)
        reader.finish(checksum)


def _unpickle(reader: ObjectReader, path: Path) -> Any:
    try:
        return pickle.Unpickler(reader, buffers=reader.buffers()).load()
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(
            f"object artifact {path}, a {reader.about['type']}, cannot be unpickled here "
            f"({type(error).__name__}: {error}): does this task's image have the same packages as "
            "its writer's?"
        ) from error


@contextmanager
def _opened(path: Path, job: str) -> Iterator[ObjectReader]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise unreadable(str(path), error) from error
    with stream, ObjectReader(stream, str(path)) as reader:
        writer = reader.about["job"]
        if job and writer and writer != job:
            raise TaskError(
                f"object artifact {path} was written by the job {writer}, not by this one ({job}); "
                "an object is only read in the job that wrote it"
            )
        yield reader


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when it is whole, and is gone otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        try:
            part.replace(path)
        except OSError:
            # A mounted bucket need not rename. A copy that is killed has no end: it is refused.
            shutil.copyfile(part, path)
    finally:
        part.unlink(missing_ok=True)
