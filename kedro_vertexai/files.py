"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kedro_vertexai.errors import VertexAIError


def write_whole(output: Path, text: str, *, private: bool = False) -> None:
    """Replace a file's content in one step, with the permissions a new file would have.

    Args:
        output: the file; missing directories above it are made.
        text: its new content.
        private: let nobody but the owner read it.

    Raises:
        VertexAIError: the file cannot be written; what was there before is untouched.
    """
    temporary = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        if not private:
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
        temporary.replace(output)
    except OSError as error:
        raise VertexAIError(f"cannot write {output}: {error.strerror}") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def write_together(texts: Mapping[Path, str]) -> None:
    """Write several files, each whole, or none of them.

    Raises:
        VertexAIError: one cannot be written; the others are as they were before.
    """
    before: dict[Path, bytes | None] = {}
    try:
        for file, text in texts.items():
            before[file] = file.read_bytes() if file.is_file() else None
            write_whole(file, text)
    except VertexAIError:
        for file, content in before.items():
            _restore(file, content)
        raise


def _restore(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    elif file.is_file():
        file.unlink()
