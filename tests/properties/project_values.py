"""What flows through a generated project, and how two values are compared.

This file is a module of every generated project (`generated.values`) and of the tests: what a
node saw and what the tests find on disk are told apart by the same digest.

Each value is a function of a seed, and a node's seed is a digest of its name and of all its
inputs. So one wrong byte anywhere changes everything that is made of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class Record:
    """A class of the project's own."""

    name: str
    numbers: tuple[int, ...]


def digest(value: Any) -> str:
    """Name a value by its content: the same in every process and under every name."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


@singledispatch
def canonical(value: Any) -> str:
    """Write a value out in full, its types too; what a callable returns stands for it.

    Raises:
        TypeError: a value of which it is not known what makes it equal to another.
    """
    if dataclasses.is_dataclass(value):
        return f"{type(value).__name__} {canonical(vars(value))}"
    if callable(value):
        return f"callable {canonical(value())}"
    raise TypeError(f"no canonical form of a {type(value).__name__}")


@canonical.register(type(None))
@canonical.register(bool)
@canonical.register(int)
@canonical.register(float)
@canonical.register(str)
@canonical.register(bytes)
def _plain(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"


@canonical.register(np.generic)
def _scalar(value: Any) -> str:
    return f"{value.dtype} {value.item()!r}"


@canonical.register(np.ndarray)
def _array(value: Any) -> str:
    return f"{value.dtype} {value.shape} {value.tolist()!r}"


@canonical.register(pd.DataFrame)
def _frame(value: Any) -> str:
    columns = [(name, str(column.dtype), list(column)) for name, column in value.items()]
    return f"frame {canonical(list(value.index))} {canonical(columns)}"


@canonical.register(list)
@canonical.register(tuple)
def _sequence(value: Any) -> str:
    return f"{type(value).__name__} [{', '.join(map(canonical, value))}]"


@canonical.register(set)
def _set(value: Any) -> str:
    return f"set {{{', '.join(sorted(map(canonical, value)))}}}"


@canonical.register(Mapping)
def _mapping(value: Any) -> str:
    items = [f"{canonical(key)}: {canonical(item)}" for key, item in value.items()]
    return f"mapping {{{', '.join(items)}}}"


def text(seed: str) -> str:
    return f"{seed}\nsecond line, Zoë\n"


def document(seed: str) -> dict[str, Any]:
    return {"seed": seed, "nested": [1, 2.5, None, True, {"é": []}]}


def none(seed: str) -> dict[str, Any]:
    """Kedro saves no bare None."""
    return {seed: None}


def frame(seed: str) -> pd.DataFrame:
    """Cells that CSV gives back as they were, whatever the seed."""
    rows = 1 + _number(seed) % 4
    numbers = [_number(seed) + row for row in range(rows)]
    words = [f"w{seed}, {row}" for row in range(rows)]
    return pd.DataFrame({"n": numbers, "quarter": [n / 4 for n in numbers], "word": words})


def empty_frame(seed: str) -> pd.DataFrame:
    return pd.DataFrame({f"c{seed}": pd.Series([], dtype="int64")})


def array(seed: str) -> np.ndarray:
    return _number(seed) + np.arange(6, dtype="int32").reshape(2, 3)


def record(seed: str) -> Record:
    return Record(seed, (1, _number(seed)))


def function(seed: str) -> Callable[[], str]:
    return lambda: seed


def mixture(seed: str) -> tuple[Any, ...]:
    return ({seed, "a"}, seed.encode(), {4: (seed, 2**70)}, -0.0)


def frames(seed: str) -> dict[str, Any]:
    """Partitions, one in a sub-folder and one that is made only when it is saved."""
    return {
        "first": frame(seed),
        "deep/er/second": frame(seed[::-1]),
        "lazy/third": lambda: frame(seed[1:]),
    }


def texts(seed: str) -> dict[str, Any]:
    return {f"p{seed[:2]}.txt": text(seed), "deep/lazy.txt": lambda: text(seed[::-1])}


MAKERS: dict[str, Callable[[str], Any]] = {
    make.__name__: make
    for make in (
        text,
        document,
        none,
        frame,
        empty_frame,
        array,
        record,
        function,
        mixture,
        frames,
        texts,
    )
}


def step(name: str, *makers: str) -> Callable[..., list[Any]]:
    """A node's function: one output for each maker, all of them made of all inputs."""

    def run(*inputs: Any) -> list[Any]:
        seeds = [digest([name, maker, *map(digest, inputs)]) for maker in makers]
        return [MAKERS[maker](seed) for maker, seed in zip(makers, seeds, strict=True)]

    return run


def stream(name: str, maker: str) -> Callable[..., Iterator[list[Any]]]:
    """The same for one output that is saved in three chunks."""

    def run(*inputs: Any) -> Iterator[list[Any]]:
        for chunk in range(3):
            seed = digest([name, chunk, *map(digest, inputs)])
            yield [MAKERS[maker](seed)]

    return run


def watch(*names: str) -> Callable[..., dict[str, str]]:
    """A last node's function: what it was given, by name."""

    def run(*inputs: Any) -> dict[str, str]:
        return {name: digest(value) for name, value in zip(names, inputs, strict=True)}

    return run


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:3], "big")
