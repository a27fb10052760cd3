"""Raw inputs under a run root: by content, whole, once."""

import hashlib
from pathlib import Path

import pytest

from kedro_vertexai.errors import RunError
from kedro_vertexai.plan.model import StagedInput
from kedro_vertexai.staging import digest_of, stage, staged_uri


def described(project: Path, path: str) -> StagedInput:
    source = project / path
    return StagedInput("input-x", "x", path, digest_of(source), source.name)


def place(root: Path, staged: StagedInput) -> Path:
    return Path(staged_uri(str(root), staged))


def test_a_file_lies_under_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2")
    staged = described(tmp_path, "a.csv")
    stage(staged, tmp_path / "root", tmp_path)
    digest = hashlib.sha256(b"1,2").hexdigest()
    assert place(tmp_path / "root", staged) == tmp_path / "root" / "inputs" / digest / "a.csv"
    assert place(tmp_path / "root", staged).read_bytes() == b"1,2"


def test_the_same_content_under_two_names_is_there_under_both(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(b"")
        staged = described(tmp_path, name)
        stage(staged, tmp_path / "root", tmp_path)
        assert place(tmp_path / "root", staged).read_bytes() == b""


def test_a_second_run_copies_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    staged = described(tmp_path, "a.csv")
    stage(staged, tmp_path / "root", tmp_path)
    before = place(tmp_path / "root", staged).stat()
    stage(staged, tmp_path / "root", tmp_path)
    after = place(tmp_path / "root", staged).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_directory_is_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "parts" / "deep").mkdir(parents=True)
    (tmp_path / "parts" / "deep" / "1.csv").write_bytes(b"1")
    staged = described(tmp_path, "parts")
    stage(staged, tmp_path / "root", tmp_path)
    assert (place(tmp_path / "root", staged) / "deep" / "1.csv").read_bytes() == b"1"


def test_a_file_that_changed_since_it_was_planned_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    staged = described(tmp_path, "a.csv")
    (tmp_path / "a.csv").write_bytes(b"2")
    with pytest.raises(RunError, match="'x' changed while it was read"):
        stage(staged, tmp_path / "root", tmp_path)
    assert list(place(tmp_path / "root", staged).parent.iterdir()) == []


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    staged = described(tmp_path, "a.csv")
    (tmp_path / "a.csv").unlink()
    with pytest.raises(RunError, match=r"'x' cannot be staged.*No such file"):
        stage(staged, tmp_path / "root", tmp_path)
