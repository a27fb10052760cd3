"""The file of an object artifact: a pickle and its large buffers, in checked records.

A file is written and read once, from front to end, so that a mounted bucket can hold it:

- the magic number, a JSON document with its length, and a CRC-32 of these;
- records: a head (kind, codec, size, stored size, CRC-32 of what is stored, running CRC-32) and
  the stored bytes. `P` is a piece of the pickle stream; `B` announces an out-of-band buffer of
  `size` bytes (PEP 574) and the `D` that follow are its blocks; `E` ends the file.

The running sum is that of the file's beginning and of every head so far. As a head holds the sum
of its own bytes, it stands for all that came before, and that of `E` for the file. So a length is
believed, and a byte is unpickled, only after its own sum was found right; no record can be lost,
repeated or swapped unnoticed; and a file without its `E` was cut short.

A buffer is written when the pickler meets it, so it comes before the piece that refers to it.
Both sides hold a few blocks in memory, whatever the object's size.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pickle import PickleBuffer
from time import perf_counter
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.object_blocks import (
    BLOCK,
    RAW,
    Block,
    compressed,
    decompressed,
    is_compressible,
    is_sound,
    raw,
)

MAGIC = b"KVXOBJ02"

_NUMBER = struct.Struct("<I")  # a length, or a sum
_HEAD = struct.Struct("<ccQQI")
_PIECE, _BUFFER, _DATA, _END = b"P", b"B", b"D", b"E"

# A job id has at most 128 characters, a class path hardly more; a longer document is not ours.
_MOST_ABOUT = 64 * 1024
# Two threads compress faster than a disk writes; more blocks in flight would only take memory.
_THREADS = 2
_IN_FLIGHT = 8
# Pieces of the pickle that are read, and decompressed in threads, before they are asked for.
_AHEAD = 3
# Bytes per second: one thread compresses so many.
_FREE_BELOW = 500_000_000
# A smaller buffer stays in the pickle: a record and a thread cost more than its copy.
_LEAST_BUFFER = 64 * 1024
# Bytes of a block that is neither copied nor compressed: its size costs no memory.
_RAW_BLOCK = 8 * BLOCK
# Bytes from which a buffer is mapped in pages of 2 MiB.
_LEAST_MAPPED = 8 * 1024 * 1024


class _Head(NamedTuple):
    """The head of a record, without the running sum."""

    kind: bytes
    codec: bytes
    size: int
    stored: int
    checksum: int


class _Pooled:
    """Something whose blocks are compressed or decompressed in threads, until it is left."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


class ObjectWriter(_Pooled):
    """Writes the file: a file object for a pickler, and its `buffer_callback`.

    Args:
        stream: where to write.
        about: the document at the file's beginning.
    """

    def __init__(self, stream: BinaryIO, about: dict[str, Any]) -> None:
        super().__init__()
        self._stream = stream
        self._waiting: deque[tuple[bytes, Callable[[], Block]]] = deque()
        self._piece = bytearray()
        self._has_buffers = False
        self._taken = 0
        self._since = perf_counter()
        self.is_compressed = False
        text = json.dumps(about).encode()
        beginning = MAGIC + _NUMBER.pack(len(text)) + text
        self._sum = zlib.crc32(beginning)
        self._stream.write(beginning + _NUMBER.pack(self._sum))

    def __enter__(self) -> ObjectWriter:
        return self

    def write(self, data: Any) -> int:
        """Take bytes of the pickle stream. They are copied, for the pickler may free them."""
        with memoryview(data).cast("B") as view:
            for start in range(0, len(view), BLOCK):
                self._piece += view[start : start + BLOCK]
                if len(self._piece) >= BLOCK:
                    full, self._piece = self._piece[:BLOCK], self._piece[BLOCK:]
                    self._add_piece(full)
            return len(view)

    def take_buffer(self, buffer: PickleBuffer) -> bool:
        """Write a buffer from its own memory; True leaves a small one to the pickle stream."""
        view = buffer.raw()
        if view.nbytes < _LEAST_BUFFER:
            return True
        self._has_buffers = True
        self._queue(_BUFFER, partial(Block, RAW, view.nbytes, b"", 0))
        is_tried = self._is_compression_free(is_first=True)
        while view:
            size = BLOCK if is_tried else _RAW_BLOCK
            self._add(_DATA, view[:size], is_tried=is_tried)
            view = view[size:]
            is_tried = self._is_compression_free()
        return False

    def end_item(self) -> None:
        """Write what refers to buffers at once: a reader holds these until it comes."""
        if self._has_buffers:
            self._flush()

    def finish(self) -> str:
        """Write what is left and the end; return the file's checksum."""
        self._flush()
        self._queue(_END, partial(Block, RAW, 0, b"", 0))
        self._drain(0)
        return f"{self._sum:08x}"

    def _flush(self) -> None:
        if self._piece:
            self._add_piece(self._piece)
        self._piece = bytearray()
        self._has_buffers = False

    def _add_piece(self, data: bytearray) -> None:
        self._add(_PIECE, data, is_tried=self._is_compression_free(is_first=True))

    def _add(self, kind: bytes, data: bytearray | memoryview, *, is_tried: bool) -> None:
        self._taken += len(data)
        if is_tried and is_compressible(data):
            self.is_compressed = True
            self._queue(kind, self._pool.submit(compressed, data).result)
        else:
            self._queue(kind, partial(raw, data))

    def _is_compression_free(self, is_first: bool = False) -> bool:
        """Whether pickling and the disk leave the threads the time to compress.

        A bucket or a common disk does, and so does the pickling of many small objects. The
        page cache of an idle machine takes 5 GB/s: there compression could only make saving
        and loading slower. Yet the first that can become smaller always does, so that
        small objects are small files and no file is larger than a plain pickle.
        """
        if is_first and not self.is_compressed:
            return True
        return self._taken < _FREE_BELOW * (perf_counter() - self._since)

    def _queue(self, kind: bytes, block: Callable[[], Block]) -> None:
        self._waiting.append((kind, block))
        self._drain(_IN_FLIGHT)

    def _drain(self, most: int) -> None:
        """Write the oldest blocks until so many are left."""
        while len(self._waiting) > most:
            kind, finish = self._waiting.popleft()
            before = perf_counter()
            block = finish()
            # Waiting for the threads says nothing about how much time is left to them.
            self._since += perf_counter() - before
            self._record(kind, block)

    def _record(self, kind: bytes, block: Block) -> None:
        parts = _Head(kind, block.codec, block.size, len(block.stored), block.checksum)
        head = _HEAD.pack(*parts)
        self._sum = zlib.crc32(head, self._sum)
        self._stream.write(head + _NUMBER.pack(self._sum))
        self._stream.write(block.stored)


class ObjectReader(_Pooled):
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
        length = self._take(_NUMBER.size)
        (size,) = _NUMBER.unpack(length)
        self._require(size <= _MOST_ABOUT)
        text = self._take(size)
        self._read_sum(magic + length + text)
        about: dict[str, Any] = json.loads(text)
        return about

    def _head(self) -> _Head:
        data = self._take(_HEAD.size)
        self._read_sum(data)
        return _Head(*_HEAD.unpack(data))

    def _read_sum(self, data: bytes | bytearray) -> None:
        self._sum = zlib.crc32(data, self._sum)
        self._require(_NUMBER.unpack(self._take(_NUMBER.size)) == (self._sum,))

    def _read_ahead(self) -> None:
        """Read the next pieces, but no further while buffers wait for what refers to them."""
        while not self._is_over and len(self._pieces) < _AHEAD:
            if self._pieces and self._buffers:
                return
            head = self._head()
            if head.kind == _PIECE:
                self._pieces.append(self._read_piece(head))
            elif head.kind == _BUFFER:
                self._read_buffer(head.size)
            else:
                self._require(head.kind == _END and not self._fill(memoryview(bytearray(1))))
                self._is_over = True

    def _read_piece(self, head: _Head) -> Callable[[], Any]:
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
            self._require(head.kind == _DATA and 0 < head.size <= len(left))
            target, left = left[: head.size], left[head.size :]
            if head.codec == RAW:
                self._fill_whole(target)
                self._require(is_sound(target, head.checksum))
            else:
                stored = self._stored(head)
                unfinished.append(self._pool.submit(_decompress_into, target, stored))
                self._waiting.append(unfinished[-1])
            if len(self._waiting) > _IN_FLIGHT:
                self._waiting.popleft().result()
        self._buffers.append((data, unfinished))

    def _stored(self, head: _Head) -> bytearray:
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

    A large one is not cleared first and has huge pages where the system gives them, as numpy's
    own have: reading into it takes a quarter of the time that reading into a bytearray takes.
    """
    if size < _LEAST_MAPPED or not hasattr(mmap, "MAP_ANONYMOUS"):
        return memoryview(bytearray(size))
    mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # It is advice: not every kernel knows it.
            mapping.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(mapping)


def _decompress_into(target: memoryview, stored: bytearray) -> None:
    target[:] = decompressed(stored, len(target))
