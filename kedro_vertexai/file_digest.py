"""What stands for a file's content."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK = 2**20  # bytes


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    # `hashlib.file_digest` is there from Python 3.11 on.
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
