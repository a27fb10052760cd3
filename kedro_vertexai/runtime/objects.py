"""Python objects as artifacts: pickle with its large buffers beside it, not inside.

A file holds a magic number, the length and bytes of the pickle (protocol 5, PEP 574), then
each out-of-band buffer's length and bytes, and last a CRC-32 of all before it. Buffers are
written straight from the object's own memory.
"""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from kedro_vertexai.errors import TaskError

_MAGIC = b"KVXOBJ01"
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_CHUNK = 16 * 1024 * 1024


def save_object(value: Any, path: Path) -> dict[str, Any]:
    """Write an object; return metadata that says what it is.

    A file that is cut short is known by its checksum.

    The metadata has `type` (class path), `bytes` (file size) and `format`.

    Raises:
        Exception: whatever the object's own pickling raises.
    """
    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    payload = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    path.parent.mkdir(parents=True, exist_ok=True)
    checksum = 0
    with path.open("wb") as stream:
        for part in _parts(payload, buffers):
            checksum = zlib.crc32(part, checksum)
            stream.write(part)
        stream.write(_CRC.pack(checksum))
    kind = type(value)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "bytes": path.stat().st_size,
        "format": _MAGIC.decode(),
    }


def load_object(path: Path) -> Any:
    """Read an object that `save_object` wrote in this run.

    Raises:
        TaskError: the file is missing, not such a file, cut short or damaged.
    """
    try:
        with path.open("rb") as stream:
            reader = _Reader(stream)
            if reader.take(len(_MAGIC)) != _MAGIC:
                raise TaskError(f"{path} is not an object artifact")
            (count,) = _LENGTH.unpack(reader.take(_LENGTH.size))
            parts = [reader.part() for _ in range(count)]
            reader.check()
    except OSError as error:
        raise TaskError(f"object artifact {path} cannot be read: {error.strerror}") from error
    return pickle.loads(parts[0], buffers=parts[1:])


def _parts(payload: bytes, buffers: list[pickle.PickleBuffer]) -> Iterator[bytes | memoryview]:
    yield _MAGIC
    yield _LENGTH.pack(1 + len(buffers))
    yield _LENGTH.pack(len(payload))
    yield payload
    for buffer in buffers:
        with buffer.raw() as view:
            yield _LENGTH.pack(view.nbytes)
            for start in range(0, view.nbytes, _CHUNK):
                yield view[start : start + _CHUNK]


class _Reader:
    """Reads and checksums at once, and knows a file that ends too early."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = os.fstat(stream.fileno()).st_size
        self._checksum = 0

    def take(self, size: int) -> bytearray:
        if size > self._left:
            raise TaskError(f"object artifact {self._stream.name} is cut short")
        data = bytearray(size)
        view = memoryview(data)
        for start in range(0, size, _CHUNK):
            chunk = view[start : start + _CHUNK]
            self._stream.readinto(chunk)  # type: ignore[attr-defined]
            self._checksum = zlib.crc32(chunk, self._checksum)
        self._left -= size
        return data

    def part(self) -> bytearray:
        (size,) = _LENGTH.unpack(self.take(_LENGTH.size))
        return self.take(size)

    def check(self) -> None:
        expected = self._checksum
        (found,) = _CRC.unpack(self.take(_CRC.size))
        if found != expected:
            raise TaskError(f"object artifact {self._stream.name} is damaged: checksum differs")
