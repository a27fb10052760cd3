"""The reading side of an object artifact's file, whose form `object_stream` says."""

from __future__ import annotations

import json
import mmap
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, BinaryIO

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.object_blocks import RAW, decompressed, is_sound
from kedro_vertexai.runtime.object_stream import (
    BUFFER,
    DATA,
    END,
    HEAD,
    IN_FLIGHT,
    MAGIC,
    NUMBER,
    PIECE,
    Head,
    Pooled,
)

# A job id has at most 128 characters, a class path hardly more; a longer document is not ours.
_MOST_ABOUT = 64 * 1024
# Pieces of the pickle that are read, and decompressed in threads, before they are asked for.
_AHEAD = 3
# Bytes from which a buffer is mapped.
_LEAST_MAPPED = 8 * 1024 * 1024


class ObjectReader(Pooled):
    """Reads the file: a file object for an unpickler, and its `buffers`.

    Nothing leaves it before its checksum was found right. Decompression runs in threads while
    this reads on and the caller unpickles.

    Args:
        stream: where to read.
        name: the file, for messages.

    Raises:
        TaskError: from any method: the file is cut short, damaged, or none of ours, or the
            system cannot read it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__()
        self._stream = stream
        self._name = name
        self._sum = 0
        self._piece = memoryview(b"")
        self._pieces: deque[Callable[[], Any]] = deque()
        self._is_over = False
        self._buffers: deque[tuple[memoryview, list[Future[None]]]] = deque()
        self._waiting: deque[Future[None]] = deque()
        self.about: dict[str, Any] = self._begin()

    def __enter__(self) -> ObjectReader:
        return self

    def read(self, size: int) -> bytes:
        """Give so many bytes of the pickle stream, fewer only where it ends."""
        parts = []
        while size > 0 and self.has_more():
            parts.append(bytes(self._piece[:size]))
            self._piece = self._piece[size:]
            size -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, target: Any) -> int:
        """Fill a buffer from the pickle stream; return how many bytes there were."""
        with memoryview(target).cast("B") as view:
            filled = 0
            while filled < len(view) and self.has_more():
                part = self._piece[: len(view) - filled]
                view[filled : filled + len(part)] = part
                self._piece = self._piece[len(part) :]
                filled += len(part)
            return filled

    def readline(self) -> bytes:
        """Give a line of the pickle stream: an unpickler demands it, no opcode of ours uses it."""
        line = bytearray()
        while not line.endswith(b"\n") and (byte := self.read(1)):
            line += byte
        return bytes(line)

    def buffers(self) -> Iterator[memoryview]:
        """Give the out-of-band buffers in the order in which the pickle refers to them."""
        while self._buffers:
            data, unfinished = self._buffers.popleft()
            for future in unfinished:
                future.result()
            yield data

    def has_more(self) -> bool:
        """Whether the pickle stream goes on; reads up to its next piece to know."""
        while not self._piece:
            self._read_ahead()
            if not self._pieces:
                return False
            self._piece = memoryview(self._pieces.popleft()())
        return True

    def finish(self, checksum: str) -> None:
        """Read the end of the file.

        Raises:
            TaskError: there is more than was unpickled, or the file has another checksum.
        """
        self._require(not self.has_more() and not self._buffers)
        if checksum and checksum != f"{self._sum:08x}":
            raise TaskError(
                f"object artifact {self._name} has the checksum {self._sum:08x}, not {checksum} as "
                "its metadata says: it was written anew or is another object"
            )

    def _begin(self) -> dict[str, Any]:
        magic = self._take(len(MAGIC))
        if magic != MAGIC:
            raise TaskError(f"{self._name} is not an object artifact of this version")
        length = self._take(NUMBER.size)
        (size,) = NUMBER.unpack(length)
        self._require(size <= _MOST_ABOUT)
        text = self._take(size)
        self._read_sum(magic + length + text)
        about: dict[str, Any] = json.loads(text)
        return about

    def _head(self) -> Head:
        data = self._take(HEAD.size)
        self._read_sum(data)
        return Head(*HEAD.unpack(data))

    def _read_sum(self, data: bytes | bytearray) -> None:
        self._sum = zlib.crc32(data, self._sum)
        self._require(NUMBER.unpack(self._take(NUMBER.size)) == (self._sum,))

    def _read_ahead(self) -> None:
        """Read the next pieces, but no further while buffers wait for what refers to them."""
        while not self._is_over and len(self._pieces) < _AHEAD:
            if self._pieces and self._buffers:
                return
            head = self._head()
            if head.kind == PIECE:
                self._pieces.append(self._read_piece(head))
            elif head.kind == BUFFER:
                self._read_buffer(head.size)
            else:
                self._require(head.kind == END and not self._fill(memoryview(bytearray(1))))
                self._is_over = True

    def _read_piece(self, head: Head) -> Callable[[], Any]:
        stored = self._stored(head)
        if head.codec == RAW:
            return lambda: stored
        return self._pool.submit(decompressed, stored, head.size).result

    def _read_buffer(self, size: int) -> None:
        """Read a buffer's blocks straight into the memory that the object will have."""
        data = left = _memory(size)
        unfinished: list[Future[None]] = []
        while left:
            head = self._head()
            self._require(head.kind == DATA and 0 < head.size <= len(left))
            target, left = left[: head.size], left[head.size :]
            if head.codec == RAW:
                self._fill_whole(target)
                self._require(is_sound(target, head.checksum))
            else:
                stored = self._stored(head)
                unfinished.append(self._pool.submit(_decompress_into, target, stored))
                self._waiting.append(unfinished[-1])
            if len(self._waiting) > IN_FLIGHT:
                self._waiting.popleft().result()
        self._buffers.append((data, unfinished))

    def _stored(self, head: Head) -> bytearray:
        stored = self._take(head.stored)
        self._require(is_sound(stored, head.checksum))
        return stored

    def _take(self, size: int) -> bytearray:
        data = bytearray(size)
        self._fill_whole(memoryview(data))
        return data

    def _fill_whole(self, target: memoryview) -> None:
        if self._fill(target) < len(target):
            raise TaskError(f"object artifact {self._name} is cut short: run its writer again")

    def _fill(self, target: memoryview) -> int:
        """Read as much as there is, up to the target's length; return how much that was."""
        try:
            return self._stream.readinto(target)  # type: ignore[attr-defined, no-any-return]
        except OSError as error:
            raise unreadable(self._name, error) from error

    def _require(self, is_right: bool) -> None:
        if not is_right:
            raise TaskError(
                f"object artifact {self._name} is damaged: a checksum differs; run its writer again"
            )


def unreadable(name: str, error: OSError) -> TaskError:
    """What to raise where the system cannot read an artifact."""
    return TaskError(f"object artifact {name} cannot be read: {error.strerror}")


def _memory(size: int) -> memoryview:
    """Give writable memory for a buffer.

    A large one is mapped rather than a bytearray, which would be cleared before it is read into.
    Huge pages are not asked for: they are four times faster where the machine has them at hand,
    and twice as slow where a virtual machine's host must find them first.
    """
    if size < _LEAST_MAPPED or not hasattr(mmap, "MAP_ANONYMOUS"):
        return memoryview(bytearray(size))
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def _decompress_into(target: memoryview, stored: bytearray) -> None:
    target[:] = decompressed(stored, len(target))
