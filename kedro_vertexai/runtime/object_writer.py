"""The writing side of an object artifact's file, whose form `object_stream` says."""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Callable
from functools import partial
from pickle import PickleBuffer
from time import perf_counter
from typing import Any, BinaryIO

from kedro_vertexai.runtime.object_blocks import (
    BLOCK,
    RAW,
    ZLIB,
    Block,
    compressed,
    is_compressible,
    raw,
)
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

# Bytes per second: one thread compresses so many.
_FREE_BELOW = 500_000_000
# A smaller buffer stays in the pickle: a record and a thread cost more than its copy.
_LEAST_BUFFER = 64 * 1024
# Bytes of a block that is neither copied nor compressed: its size costs no memory.
_RAW_BLOCK = 8 * BLOCK


class ObjectWriter(Pooled):
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
        self._has_shrunk = False
        self.is_compressed = False
        text = json.dumps(about).encode()
        beginning = MAGIC + NUMBER.pack(len(text)) + text
        self._sum = zlib.crc32(beginning)
        self._stream.write(beginning + NUMBER.pack(self._sum))

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
        self._queue(BUFFER, partial(Block, RAW, view.nbytes, b"", 0))
        is_tried = self._is_compression_free(is_first=True)
        while view:
            size = BLOCK if is_tried else _RAW_BLOCK
            self._add(DATA, view[:size], is_tried=is_tried)
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
        self._queue(END, partial(Block, RAW, 0, b"", 0))
        self._drain(0)
        return f"{self._sum:08x}"

    def _flush(self) -> None:
        if self._piece:
            self._add_piece(self._piece)
        self._piece = bytearray()
        self._has_buffers = False

    def _add_piece(self, data: bytearray) -> None:
        self._add(PIECE, data, is_tried=self._is_compression_free(is_first=True))

    def _add(self, kind: bytes, data: bytearray | memoryview, *, is_tried: bool) -> None:
        self._taken += len(data)
        if is_tried and is_compressible(data):
            self._has_shrunk = True
            self._queue(kind, self._pool.submit(compressed, data).result)
        elif len(data) > BLOCK:
            # Its sum is made while the blocks before it are written.
            self._queue(kind, self._pool.submit(raw, data).result)
        else:
            self._queue(kind, partial(raw, data))

    def _is_compression_free(self, is_first: bool = False) -> bool:
        """Whether pickling and the disk leave the threads the time to compress.

        A bucket or a common disk does, and so does the pickling of many small objects. The
        page cache of an idle machine takes 5 GB/s: there compression could only make saving
        and loading slower. Yet the first that can become smaller always does, so that
        small objects are small files and no file is larger than a plain pickle.
        """
        if is_first and not self._has_shrunk:
            return True
        return self._taken < _FREE_BELOW * (perf_counter() - self._since)

    def _queue(self, kind: bytes, block: Callable[[], Block]) -> None:
        self._waiting.append((kind, block))
        self._drain(IN_FLIGHT)

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
        self.is_compressed |= block.codec == ZLIB
        parts = Head(kind, block.codec, block.size, len(block.stored), block.checksum)
        head = HEAD.pack(*parts)
        self._sum = zlib.crc32(head, self._sum)
        self._stream.write(head + NUMBER.pack(self._sum))
        self._stream.write(block.stored)
