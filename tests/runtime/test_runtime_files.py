"""Files and directories between an artifact and a dataset's own place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.files import copy_in, copy_out

# A file's bytes, a directory's entries, or a link's target.
Tree = bytes | dict[bytes, Any] | str


def parts(path: Path, **files: bytes) -> Path:
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.rglob("*") if file.is_file()}


# Copied in


def test_a_file_is_copied_to_a_place_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    copy_in(tmp_path / "artifact", tmp_path / "data" / "01_raw" / "x.txt", "x")
    assert (tmp_path / "data" / "01_raw" / "x.txt").read_text() == "x"


def test_a_directory_replaces_the_one_that_was_there(tmp_path: Path) -> None:
    artifact, data = parts(tmp_path / "artifact", new=b"1"), parts(tmp_path / "data", old=b"2")
    copy_in(artifact, data, "parts")
    assert contents(data) == {"new": b"1"}


def test_a_file_replaces_a_directory(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_text("x")
    taken = parts(tmp_path / "taken", file=b"a directory where a file belongs")
    copy_in(tmp_path / "artifact", taken, "x")
    assert taken.read_text() == "x"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["artifact", "taken"]


def test_several_artifacts_are_laid_into_one_place(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in (1, 2):
        saved = parts(tmp_path / f"saved-{number}", both=b"%d" % number, **{f"own{number}": b""})
        metadata = copy_out(saved, tmp_path / f"artifact-{number}", "parts")
        copy_in(tmp_path / f"artifact-{number}", data, "parts", metadata, merge=True)
    assert contents(data) == {"both": b"2", "own1": b"", "own2": b""}


def test_what_is_absent_leaves_the_place_as_it_is(tmp_path: Path) -> None:
    data = parts(tmp_path / "data", old=b"old")
    copy_in(tmp_path / "artifact", data, "parts", {"absent": True})
    assert contents(data) == {"old": b"old"}


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "lost by an object store"])
def test_an_empty_directory_is_made(tmp_path: Path, is_kept: bool) -> None:
    metadata = copy_out(parts(tmp_path / "saved"), tmp_path / "artifact", "parts")
    assert metadata == {"empty": True}
    if not is_kept:
        (tmp_path / "artifact").rmdir()
    data = parts(tmp_path / "data", old=b"old")
    copy_in(tmp_path / "artifact", data, "parts", metadata, merge=True)
    assert contents(data) == {"old": b"old"}
    copy_in(tmp_path / "artifact", data, "parts", metadata)
    assert data.is_dir()
    assert not contents(data)


# Copied out


def test_metadata_has_the_size_and_a_directorys_number_of_files(tmp_path: Path) -> None:
    saved = parts(tmp_path / "parts", a=b"12", b=b"345")
    out = tmp_path / "out"
    assert copy_out(saved, out / "parts", "parts") == {"bytes": 5, "files": 2}
    assert copy_out(saved / "a", out / "a", "a") == {"bytes": 2}


def test_what_was_not_saved_is_absent_also_where_an_earlier_attempt_saved_it(
    tmp_path: Path,
) -> None:
    assert copy_out(tmp_path / "nothing", tmp_path / "artifact", "x") == {"absent": True}
    parts(tmp_path / "artifact", a=b"of an earlier attempt")
    assert copy_out(tmp_path / "nothing", tmp_path / "artifact", "x") == {"absent": True}
    assert not (tmp_path / "artifact").exists()


def test_a_later_attempt_clears_what_an_earlier_one_left(tmp_path: Path) -> None:
    parts(tmp_path / "artifact", a=b"of an earlier attempt", b=b"")
    saved = parts(tmp_path / "parts", a=b"1")
    assert copy_out(saved, tmp_path / "artifact", "parts") == {"bytes": 1, "files": 1}
    assert contents(tmp_path / "artifact") == {"a": b"1"}


# What is not whole


def shorten(artifact: Path) -> None:
    (artifact / "b").write_bytes(b"34")


def lengthen(artifact: Path) -> None:
    (artifact / "b").write_bytes(b"3456")


def lose(artifact: Path) -> None:
    (artifact / "empty").unlink()


def add(artifact: Path) -> None:
    (artifact / "more").touch()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (shorten, "it has 4 of 5 bytes"),
        (lengthen, "it has 6 of 5 bytes"),
        (lose, "it has 2 of 3 files"),
        (add, "it has 4 of 3 files"),
    ],
)
@pytest.mark.parametrize("merge", [False, True])
def test_an_artifact_that_is_not_whole_is_refused_and_changes_nothing(
    tmp_path: Path, damage: Any, reason: str, merge: bool
) -> None:
    artifact, data = tmp_path / "artifact", parts(tmp_path / "data", old=b"old")
    saved = parts(tmp_path / "parts", a=b"12", b=b"345", empty=b"")
    # As an engine hands numbers on.
    metadata = json.loads(json.dumps(copy_out(saved, artifact, "x")), parse_int=float)
    damage(artifact)
    with pytest.raises(TaskError, match=f"dataset 'x': its artifact is not whole: {reason}"):
        copy_in(artifact, data, "x", metadata, merge=merge)
    assert contents(data) == {"old": b"old"}


def test_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    saved = parts(tmp_path / "parts", a=b"12") / "a"
    metadata = copy_out(saved, tmp_path / "artifact", "x")
    (tmp_path / "artifact").write_bytes(b"1")
    with pytest.raises(TaskError, match="is not whole: it has 1 of 2 bytes"):
        copy_in(tmp_path / "artifact", tmp_path / "data", "x", metadata)
    assert not (tmp_path / "data").exists()


def test_an_artifact_that_should_be_empty_and_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is not whole: it has 1 of 0 files"):
        copy_in(parts(tmp_path / "artifact", a=b""), tmp_path / "data", "x", {"empty": True})


@pytest.mark.parametrize("metadata", [{}, {"bytes": 1}, {"bytes": 1, "files": 1}])
def test_a_missing_artifact_is_named_with_its_dataset(
    tmp_path: Path, metadata: dict[str, Any]
) -> None:
    with pytest.raises(TaskError, match=f"dataset 'x': its artifact is not at {tmp_path}/artifact"):
        copy_in(tmp_path / "artifact", tmp_path / "x", "x", metadata)


# What cannot be copied


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


def test_what_is_no_file_is_refused_on_one_line(tmp_path: Path) -> None:
    saved = parts(tmp_path / "parts", a=b"1")
    os.mkfifo(saved / "two\nlines")
    with pytest.raises(TaskError) as refused:
        copy_out(saved, tmp_path / "artifact", "x")
    assert str(refused.value) == (
        f"dataset 'x' cannot be copied: {saved}/two\\nlines is a named pipe, not a file"
    )
    (saved / "two\nlines").unlink()
    (saved / "gone").symlink_to("nowhere")
    with pytest.raises(TaskError, match=r"parts/gone is a symbolic link that leads nowhere$"):
        copy_in(saved, tmp_path / "data", "x")
    with pytest.raises(TaskError, match=r"parts/gone is a symbolic link that leads nowhere$"):
        copy_out(saved / "gone", tmp_path / "artifact", "x")


# Any tree

names = (
    st.binary(min_size=1, max_size=255)
    .map(lambda name: name.replace(b"/", b"-").replace(b"\0", b"-"))
    .filter(lambda name: name not in (b".", b"..") and not name.startswith(b".kedro-vertexai"))
)
# Links by the name of what they lead to, one level up or beside them.
files = st.binary(max_size=100) | st.integers(0, 3_000_000).map(bytes)
trees = st.recursive(
    files | st.sampled_from(["../other/file", "../other", "../../other/deep"]),
    lambda children: st.dictionaries(names, children, max_size=6),
    max_leaves=12,
)


def build(path: Path, tree: Tree) -> None:
    if isinstance(tree, bytes):
        path.write_bytes(tree)
    elif isinstance(tree, str):
        # Kept where it leads somewhere, and nothing is above it again.
        target = (path.parent / tree).resolve()
        if target.exists():
            path.symlink_to(tree)
    else:
        path.mkdir()
        for name, child in tree.items():
            build(path / os.fsdecode(name), child)


def read(path: Path) -> Any:
    if path.is_file():
        return path.read_bytes()
    return {os.fsencode(entry.name): read(entry) for entry in path.iterdir()}


@contextmanager
def workplace() -> Iterator[Path]:
    """A directory for one example; names of 255 bytes need a short path."""
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


@given(tree=trees.filter(lambda tree: not isinstance(tree, str)), old=trees, merge=st.booleans())
@example(tree={b"\xff\n.csv": {b"a" * 255: {}}}, old=b"", merge=True)
@example(tree={b"link": "../other", b"d": {b"link": "../../other/deep"}}, old={}, merge=False)
def test_any_tree_survives_both_ways_byte_for_byte(tree: Tree, old: Tree, merge: bool) -> None:
    with workplace() as path:
        build(path / "other", {b"file": b"linked", b"deep": {b"file": b"deep"}})
        build(path / "saved", tree)
        build(path / "artifact", old)
        build(path / "data", {} if merge else old)
        metadata = copy_out(path / "saved", path / "artifact", "x")
        copy_in(path / "artifact", path / "data", "x", metadata, merge=merge)
        assert read(path / "data") == read(path / "saved")
        assert sorted(entry.name for entry in path.iterdir()) == [
            "artifact",
            "data",
            "other",
            "saved",
        ]
