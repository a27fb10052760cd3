"""Symbolic links in a raw input: what they lead to is part of it, or they are refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cloud_storage import Bucket
from staged_inputs import described, staged

from kedro_vertexai.staging import digest_of


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A directory with a link to a file and one to a directory, both outside of it."""
    parts, elsewhere = tmp_path / "parts", tmp_path / "elsewhere"
    for path in (parts, elsewhere / "deep"):
        path.mkdir(parents=True)
    (parts / "a.csv").write_bytes(b"1")
    (elsewhere / "deep" / "b.csv").write_bytes(b"2")
    (parts / "b.csv").symlink_to(elsewhere / "deep" / "b.csv")
    (parts / "linked").symlink_to(elsewhere)
    return parts


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The same without links."""
    copied = tmp_path / "copied"
    (copied / "linked" / "deep").mkdir(parents=True)
    for name, content in (("a.csv", b"1"), ("b.csv", b"2"), ("linked/deep/b.csv", b"2")):
        (copied / name).write_bytes(content)
    return copied


def test_links_are_hashed_as_what_they_lead_to(parts: Path, copied: Path) -> None:
    assert digest_of(parts) == digest_of(copied)


def test_links_are_uploaded_as_what_they_lead_to(
    parts: Path, bucket: Bucket, tmp_path: Path
) -> None:
    staged([described(tmp_path, "parts")], bucket.root, tmp_path)
    names = [name.partition("/parts/")[2] for name in bucket.objects() if "/parts/" in name]
    assert names == ["a.csv", "b.csv", "linked/deep/b.csv"]


def test_links_are_copied_as_what_they_lead_to(parts: Path, tmp_path: Path) -> None:
    one = described(tmp_path, "parts")
    staged([one], str(tmp_path / "root"), tmp_path)
    copy = tmp_path / "root" / "inputs" / one.digest / "parts"
    assert (copy / "linked" / "deep" / "b.csv").read_bytes() == b"2"
    assert not (copy / "linked").is_symlink()


def test_one_directory_by_two_links_is_there_twice(parts: Path) -> None:
    before = digest_of(parts)
    (parts / "again").symlink_to(parts / "linked")
    assert digest_of(parts) != before


@pytest.mark.parametrize("to", [".", "..", "linked"])
def test_a_link_that_leads_in_circles_is_refused_by_name(parts: Path, to: str) -> None:
    circle = parts / "linked" / "deep" / "circle"
    circle.symlink_to(parts / to)
    with pytest.raises(OSError, match="a symbolic link leads back") as caught:
        digest_of(parts)
    assert "circle" in caught.value.filename


def test_a_link_to_nothing_is_refused_by_name(parts: Path) -> None:
    (parts / "gone.csv").symlink_to(parts / "nothing")
    with pytest.raises(OSError, match="a symbolic link to nothing") as caught:
        digest_of(parts)
    assert caught.value.filename == str(parts / "gone.csv")


def test_a_pipe_is_refused_by_name_and_not_waited_for(parts: Path) -> None:
    os.mkfifo(parts / "pipe")
    with pytest.raises(OSError, match="neither a file nor a directory") as caught:
        digest_of(parts)
    assert caught.value.filename == str(parts / "pipe")
