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

import struct
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple

MAGIC = b"KVXOBJ02"

NUMBER = struct.Struct("<I")  # a length, or a sum
HEAD = struct.Struct("<ccQQI")
PIECE, BUFFER, DATA, END = b"P", b"B", b"D", b"E"

# Two threads compress faster than a disk writes; more blocks in flight would only take memory.
_THREADS = 2
IN_FLIGHT = 8


class Head(NamedTuple):
    """The head of a record, without the running sum."""

    kind: bytes
    codec: bytes
    size: int
    stored: int
    checksum: int


class Pooled:
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
