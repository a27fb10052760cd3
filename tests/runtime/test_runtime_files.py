"""Files and directories between an artifact and a dataset's own place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.files import copy_in, copy_out


def test_a_file_is_copied_to_a_place_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    copy_in(tmp_path / "artifact", tmp_path / "data" / "01_raw" / "x.txt", "x")
    assert (tmp_path / "data" / "01_raw" / "x.txt").read_text() == "x"


def test_a_directory_replaces_the_one_that_was_there(tmp_path: Path) -> None:
    artifact, data = tmp_path / "artifact", tmp_path / "data"
    (artifact / "deep").mkdir(parents=True)
    (artifact / "deep" / "new.txt").write_text("new")
    data.mkdir()
    (data / "old.txt").write_text("old")
    copy_in(artifact, data, "parts")
    assert [file.name for file in data.rglob("*.txt")] == ["new.txt"]


def test_metadata_has_the_size(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "a").write_bytes(b"12")
    (parts / "b").write_bytes(b"345")
    assert copy_out(parts, tmp_path / "out" / "parts", "parts") == {"bytes": 5}
    assert copy_out(parts / "a", tmp_path / "out" / "a", "a") == {"bytes": 2}


def test_what_was_not_saved_is_absent(tmp_path: Path) -> None:
    assert copy_out(tmp_path / "nothing", tmp_path / "artifact", "x") == {"absent": True}
    assert not (tmp_path / "artifact").exists()


def test_a_missing_artifact_is_named_with_its_dataset(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=f"dataset 'x': its artifact is not at {tmp_path}/artifact"):
        copy_in(tmp_path / "artifact", tmp_path / "x", "x")


def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    (tmp_path / "data").write_text("a file, not a directory")
    with pytest.raises(TaskError, match=r"dataset 'x' cannot be copied to .*data"):
        copy_in(tmp_path / "artifact", tmp_path / "data" / "x.txt", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(TaskError, match="Permission denied"):
        copy_in(tmp_path / "artifact", tmp_path / "data" / "x.txt", "x")


def test_nothing_half_copied_is_left(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("a directory where a file belongs")
    with pytest.raises(TaskError, match="dataset 'x' cannot be copied"):
        copy_in(tmp_path / "artifact", tmp_path / "taken", "x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["artifact", "taken"]
