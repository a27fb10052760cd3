"""Iterators travel item by item: consumed once, loaded lazily."""

from __future__ import annotations

import csv
import io
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.objects import load_object, save_object


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "object"


@pytest.mark.parametrize(
    "items",
    [
        [],
        [None],
        list(range(10_000)),
        ["", {"a": [1]}, b"x" * 5_000_000],
        ["x" * 3_000_000, "y" * 3_000_000],
    ],
    ids=["none", "one", "many", "mixed", "large"],
)
def test_the_items_of_a_generator_come_back(path: Path, items: list[Any]) -> None:
    metadata = save_object((item for item in items), path)
    assert metadata["type"] == "builtins.generator"
    back = load_object(path, checksum=metadata["checksum"])
    assert isinstance(back, GeneratorType)
    assert list(back) == items


def test_a_generator_of_frames_comes_back(path: Path) -> None:
    frames = [pd.DataFrame({"n": np.arange(50_000) * k, "t": f"chunk {k}"}) for k in range(3)]
    save_object((frame for frame in frames), path)
    for frame, back in zip(frames, load_object(path), strict=True):
        pd.testing.assert_frame_equal(back, frame)


def test_what_was_loaded_can_be_saved_again(path: Path) -> None:
    save_object((n for n in range(3)), path)
    again = path.with_name("again")
    save_object(load_object(path), again)
    assert list(load_object(again)) == [0, 1, 2]


class Item:
    """Something that can be watched while it lives."""


def test_one_item_at_a_time_is_alive(path: Path) -> None:
    alive: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0

    def count(item: Item) -> None:
        nonlocal most
        alive.add(item)
        most = max(most, len(alive))

    def produce() -> Iterator[Item]:
        for _ in range(50):
            item = Item()
            count(item)
            yield item
            del item

    save_object(produce(), path)
    for item in load_object(path):
        count(item)
        del item
    assert most <= 2


def test_an_iterator_that_can_be_pickled_stays_what_it_is(path: Path) -> None:
    save_object(iter([1, 2]), path)
    back = load_object(path)
    assert type(back) is type(iter([]))
    assert list(back) == [1, 2]


def test_an_iterator_that_cannot_be_pickled_travels_as_its_items(path: Path) -> None:
    save_object(map(str, (n for n in range(3))), path)
    assert list(load_object(path)) == ["0", "1", "2"]
    save_object(csv.reader(io.StringIO("a,b\n1,2\n")), path)
    assert list(load_object(path)) == [["a", "b"], ["1", "2"]]


def test_an_open_file_is_refused_rather_than_read(path: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("line\n")
    with text.open("rb") as file, pytest.raises(TypeError):
        save_object(file, path)
    assert not path.exists()


def test_an_iterator_that_fails_leaves_nothing(path: Path) -> None:
    def produce() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        save_object(produce(), path)
    assert list(path.parent.iterdir()) == []


def test_an_item_is_only_unpickled_if_it_is_sound(path: Path) -> None:
    items = [np.random.default_rng(n).bytes(3_000_000) for n in range(5)]
    save_object((item for item in items), path)
    data = bytearray(path.read_bytes())
    data[10_000_000] ^= 1
    path.write_bytes(data)
    back = load_object(path)
    assert next(back) == items[0]
    with pytest.raises(TaskError, match="damaged"):
        list(back)


def test_items_that_were_cut_off_are_missed(path: Path) -> None:
    save_object((n for n in range(3)), path)
    path.write_bytes(path.read_bytes()[:-30])
    back = load_object(path)
    with pytest.raises(TaskError, match="cut short"):
        list(back)


def test_a_generator_of_another_job_is_refused_at_once(path: Path) -> None:
    save_object((n for n in range(3)), path, job="job-1")
    with pytest.raises(TaskError, match="job-1"):
        load_object(path, job="job-2")
    assert list(load_object(path, job="job-1")) == [0, 1, 2]


def test_another_checksum_is_told_at_the_end(path: Path) -> None:
    save_object((n for n in range(3)), path)
    back = load_object(path, checksum="00000000")
    with pytest.raises(TaskError, match="not 00000000"):
        list(back)
