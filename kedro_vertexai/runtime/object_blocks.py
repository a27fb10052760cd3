"""Blocks of an object artifact: their checksum, and compression where that pays.

ISA-L is zlib's work done with the processor's vector instructions: CRC-32 at 30 GB/s where
Python's own zlib has 4, which is below the speed of a disk's cache; and its fastest compression
makes strings and integers smaller than LZ4 does, at three times the speed of zlib's. What it
writes is plain zlib (RFC 1950). benchmarks/README.md has the figures.

Compression leaves Python's lock, so it can run in threads beside pickling and writing.
"""

from __future__ import annotations

from dataclasses import dataclass

from isal.isal_zlib import compress, crc32, decompress

# Bytes of a block before compression: enough that its head and the hand-over to a thread
# (together 50 us) cost next to nothing, few enough that some in flight are a small constant.
BLOCK = 2 * 1024 * 1024

RAW = b"-"
ZLIB = b"z"

_LEVEL = 1
# What does not shrink by a tenth is stored as it is, and that is guessed from its middle:
# random floats, images and compressed data cost 40 us a block, not 3 ms.
_SAMPLE = 16 * 1024
_WORTH = 0.9


@dataclass(frozen=True)
class Block:
    """A block as it is stored.

    Args:
        codec: `RAW` or `ZLIB`.
        size: bytes before compression.
        stored: what is in the file.
        checksum: CRC-32 of `stored`: it guards against damage, not against an attacker.
    """

    codec: bytes
    size: int
    stored: bytes | bytearray | memoryview
    checksum: int


def raw(data: bytes | bytearray | memoryview) -> Block:
    """Make a block of the bytes themselves."""
    return Block(RAW, len(data), data, crc32(data))


def compressed(data: bytes | bytearray | memoryview) -> Block:
    """Make a compressed block, or a raw one where that is hardly larger."""
    small = compress(data, _LEVEL)
    if len(small) > _WORTH * len(data):
        return raw(data)
    return Block(ZLIB, len(data), small, crc32(small))


def is_compressible(data: bytes | bytearray | memoryview) -> bool:
    """Whether a sample from the middle becomes smaller."""
    middle = max(0, len(data) - _SAMPLE) // 2
    sample = data[middle : middle + _SAMPLE]
    return len(compress(sample, _LEVEL)) <= _WORTH * len(sample)


def is_sound(stored: bytes | bytearray | memoryview, checksum: int) -> bool:
    """Whether stored bytes are those that were written."""
    return crc32(stored) == checksum


def decompressed(stored: bytes | bytearray, size: int) -> bytes:
    """Undo the compression of a block that `is_sound`; `size` is its size before."""
    return decompress(stored, bufsize=size)
