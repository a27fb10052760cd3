"""Objects come back as they were, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.objects import load_object, save_object


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "of" / "a" / "task" / "object"


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        1.0,
        "",
        "ü\n",
        b"",
        b"\0" * 5000,
        [],
        {"a": (1, {2.5: None})},
        {1, 2},
        range(3),
        int,
    ],
    ids=repr,
)
def test_a_value_comes_back(path: Path, value: Any) -> None:
    save_object(value, path)
    back = load_object(path)
    assert back == value
    assert type(back) is type(value)


def test_a_frame_comes_back_and_can_be_changed(path: Path) -> None:
    frame = pd.DataFrame({"n": range(1000), "text": ["ü"] * 1000, "share": np.linspace(0, 1, 1000)})
    save_object(frame, path)
    back = load_object(path)
    pd.testing.assert_frame_equal(back, frame)
    back.loc[0, "n"] = 7
    assert back.loc[0, "n"] == 7


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3_000_000, dtype=float),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(20)[::2],
        np.array([]),
        np.array(["a", None], dtype=object),
    ],
    ids=["large", "by_columns", "strided", "empty", "objects"],
)
def test_an_array_comes_back(path: Path, array: np.ndarray) -> None:
    save_object({"array": array}, path)
    np.testing.assert_array_equal(load_object(path)["array"], array)


def test_the_bytes_of_an_array_are_written_once(path: Path) -> None:
    array = np.zeros(1_000_000)
    assert save_object([array, array], path)["bytes"] < array.nbytes + 5000


def test_what_only_cloudpickle_can_pickle_comes_back(path: Path) -> None:
    offset = 3
    save_object(lambda x: x + offset, path)
    assert load_object(path)(4) == 7


def test_the_metadata_says_what_it_is(path: Path) -> None:
    assert save_object(Path("x"), path) == {
        "type": f"{type(path).__module__}.{type(path).__qualname__}",
        "bytes": path.stat().st_size,
        "format": "KVXOBJ01",
    }


def test_what_cannot_be_pickled_leaves_what_was_there(path: Path) -> None:
    save_object("before", path)
    with pytest.raises(TypeError):
        save_object((value for value in ()), path)
    assert load_object(path) == "before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[:20], "cut short"),
        (lambda data: b"", "cut short"),
        (lambda data: b"PK\3\4" + data, "is not an object artifact"),
        (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], "damaged"),
        (lambda data: data[:8] + b"\xff" * 8 + data[16:], "cut short"),
    ],
    ids=["last_byte", "header", "empty", "other_file", "one_bit", "length"],
)
def test_a_damaged_file_is_never_unpickled(path: Path, damage: Any, message: str) -> None:
    save_object(np.arange(1000), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TaskError, match=message):
        load_object(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(TaskError, match=f"{path} cannot be read: No such file"):
        load_object(path)
