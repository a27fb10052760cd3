"""What a dataset keeps on disk: read back to be compared, and written as a user's raw data."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import project_values
from project_values import digest, document, frame, text

Content = Callable[[Path], Any]
"""Reads what is kept at a path as something that compares by `==`."""
Writer = Callable[[Path, str], None]
"""Puts something made of a seed at a path, as a user's raw data."""


class _Unpickler(pickle.Unpickler):
    """Finds the project's own classes in the tests' copy of its module."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "generated.values":
            return getattr(project_values, name)
        return super().find_class(module, name)


def file_bytes(path: Path) -> bytes:
    return path.read_bytes()


def unpickled(path: Path) -> str:
    """Equal objects are pickled differently where one is made of shared parts."""
    with path.open("rb") as stream:
        return digest(_Unpickler(stream).load())


def versions(content: Content) -> Content:
    """The content of each version, of which a run saves one, whatever its time."""

    def read(path: Path) -> list[Any]:
        return [content(version) for version in sorted(path.glob("*/*"))]

    return read


def write_text(path: Path, seed: str) -> None:
    path.write_text(text(seed), encoding="utf-8")


def write_csv(path: Path, seed: str) -> None:
    frame(seed).to_csv(path, index=False)


def write_parquet(path: Path, seed: str) -> None:
    frame(seed).to_parquet(path)


def write_json(path: Path, seed: str) -> None:
    path.write_text(json.dumps(document(seed)), encoding="utf-8")


def write_pickle(path: Path, seed: str) -> None:
    path.write_bytes(pickle.dumps(document(seed)))


def write_version(write: Writer) -> Writer:
    def write_below(path: Path, seed: str) -> None:
        version = path / "2026-01-02T03.04.05.678Z" / path.name
        version.parent.mkdir(parents=True)
        write(version, seed)

    return write_below


def write_parts(write: Writer, suffix: str) -> Writer:
    def write_below(path: Path, seed: str) -> None:
        for name in ("first", "deep/er/second"):
            part = path / f"{name}{suffix}"
            part.parent.mkdir(parents=True, exist_ok=True)
            write(part, f"{seed}{name}")

    return write_below
