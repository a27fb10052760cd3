"""Objects come back as they were, or not at all."""

from __future__ import annotations

import errno
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.object_blocks import BLOCK
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


def test_the_metadata_says_what_it_is(path: Path) -> None:
    metadata = save_object(Path("x"), path)
    checksum = metadata.pop("checksum")
    assert metadata == {
        "type": f"{type(path).__module__}.{type(path).__qualname__}",
        "bytes": path.stat().st_size,
        "format": "KVXOBJ02",
        "compression": "none",
    }
    assert load_object(path, checksum=checksum) == Path("x")


def test_equal_objects_have_equal_checksums(path: Path) -> None:
    checksums = [save_object(value, path)["checksum"] for value in ("a", "a", "b")]
    assert checksums[0] == checksums[1] != checksums[2]


def test_what_can_become_smaller_does(path: Path) -> None:
    metadata = save_object("customer " * 10_000, path)
    assert metadata["compression"] == "zlib"
    assert metadata["bytes"] < 10_000


def test_random_numbers_are_stored_as_they_are(path: Path) -> None:
    array = np.random.default_rng(0).random(1_000_000)
    metadata = save_object(array, path)
    assert metadata["compression"] == "none"
    assert array.nbytes < metadata["bytes"] < array.nbytes + 1000


def test_a_slow_pickle_is_compressed_as_it_goes(path: Path) -> None:
    texts = [f"customer {number}" for number in range(1_000_000)]
    metadata = save_object(texts, path)
    assert metadata["bytes"] < len(pickle.dumps(texts)) / 2
    assert load_object(path) == texts


def test_what_cannot_be_pickled_leaves_what_was_there(path: Path) -> None:
    save_object("before", path)
    with pytest.raises(TypeError):
        save_object([threading.Lock()], path)
    assert load_object(path) == "before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_system_without_renaming_gets_the_file_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(Path, "replace", refuse)
    save_object(1, path)
    assert load_object(path) == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


_KILLED = """\
import os, signal, sys
from pathlib import Path
import numpy as np
from kedro_vertexai.runtime.object_blocks import BLOCK
from kedro_vertexai.runtime.objects import save_object

class Fatal:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)

save_object([np.arange(3_000_000), "x" * 5_000_000, Fatal()], Path(sys.argv[1]))
"""


def test_a_killed_save_leaves_nothing_that_loads(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    left = list(path.parent.iterdir())
    assert left
    for file in left:
        with pytest.raises(TaskError, match="cut short"):
            load_object(file)


class Tell:
    """Says when it is unpickled."""

    told: ClassVar[list[str]] = []

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (Tell.unpickled, (self.name,))

    @staticmethod
    def unpickled(name: str) -> Tell:
        Tell.told.append(name)
        return Tell(name)


@pytest.fixture
def told() -> Iterator[list[str]]:
    Tell.told.clear()
    yield Tell.told
    Tell.told.clear()


def test_an_object_of_another_job_is_refused_unread(path: Path, told: list[str]) -> None:
    save_object(Tell("a"), path, job="job-1")
    with pytest.raises(TaskError, match=r"written by the job job-1, not by this one \(job-2\)"):
        load_object(path, job="job-2")
    assert told == []


@pytest.mark.parametrize(
    ("writer", "reader"), [("job-1", "job-1"), ("job-1", ""), ("", "job-1"), ("", "")]
)
def test_an_object_of_the_same_or_an_unnamed_job_is_read(
    path: Path, writer: str, reader: str
) -> None:
    save_object(1, path, job=writer)
    assert load_object(path, job=reader) == 1


def test_another_checksum_than_the_metadata_has_is_refused(path: Path) -> None:
    save_object(1, path)
    with pytest.raises(TaskError, match="not 00000000 as its metadata says"):
        load_object(path, checksum="00000000")


def test_no_change_of_any_byte_is_read(path: Path, told: list[str]) -> None:
    save_object([Tell("a"), "text " * 50], path, job="job-1")
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(TaskError, match=r"damaged|cut short|not an object artifact"):
            load_object(path, job="job-1")
    # Only the end of the file came after what was unpickled.
    assert len(told) < 40


def test_no_beginning_of_a_file_is_read(path: Path) -> None:
    save_object(["a", "text " * 50], path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(TaskError, match=r"cut short|not an object artifact"):
            load_object(path)


def test_records_that_changed_places_are_not_read(path: Path) -> None:
    save_object(np.random.default_rng(0).bytes(3 * BLOCK), path)
    data = path.read_bytes()
    head = 30
    start = data.index(b"P-")
    one, two = data[start : start + head + BLOCK], data[start + head + BLOCK :][: head + BLOCK]
    path.write_bytes(data[:start] + two + one + data[start + 2 * (head + BLOCK) :])
    with pytest.raises(TaskError, match="damaged"):
        load_object(path)


def test_damage_in_a_large_buffer_is_found_before_anything_is_unpickled(
    path: Path, told: list[str]
) -> None:
    save_object([Tell("a"), np.random.default_rng(0).random(2_000_000)], path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TaskError, match="damaged"):
        load_object(path)
    assert told == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "cut short"),
        (lambda data: b"PK\3\4" + data, "is not an object artifact"),
        (lambda data: b"KVXOBJ01" + data[8:], "is not an object artifact of this version"),
        (lambda data: data + b"\0", "damaged"),
    ],
    ids=["empty", "other_file", "older", "longer"],
)
def test_another_file_is_refused(path: Path, damage: Any, message: str) -> None:
    save_object(np.arange(1000), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TaskError, match=message):
        load_object(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(TaskError, match=f"{path} cannot be read: No such file"):
        load_object(path)


def test_what_this_environment_cannot_unpickle_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_object(Tell("a"), path)
    monkeypatch.delattr(Tell, "unpickled")
    with pytest.raises(TaskError, match=r"a .*Tell, cannot be unpickled here \(AttributeError"):
        load_object(path)
