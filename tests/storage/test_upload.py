"""Raw inputs in a bucket: whole, once, and never half."""

from __future__ import annotations

import hashlib
import io
import signal
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from cloud_storage import Bucket, random_bytes
from fsspec.implementations.local import LocalFileSystem
from staged_inputs import described, many_files, staged, staging_process

from kedro_vertexai.errors import RunError
from kedro_vertexai.plan.model import StagedInput
from kedro_vertexai.staging import staged_uri
from kedro_vertexai.storage import open_filesystem
from kedro_vertexai.transfer import PlainTransfer

# More than is sent at once, and no whole number of blocks.
LARGE = 20_000_001


def name_in(bucket: Bucket, one: StagedInput) -> str:
    return staged_uri(bucket.root, one).removeprefix(f"gs://{bucket.name}/")


def manifests(bucket: Bucket) -> list[str]:
    return [name for name in bucket.objects() if name.endswith(".manifest.json")]


def test_inputs_lie_under_their_content_with_a_manifest_beside(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(b"1,2")
    parts = many_files(tmp_path / "parts" / "deep", 3)
    a, directory = described(tmp_path, "a.csv"), described(tmp_path, "parts")
    report, printed = staged([a, directory], bucket.root, tmp_path)
    assert (report.uploaded, report.already, report.bytes) == ((a, directory), (), 303)
    assert printed.splitlines() == [
        f"a.csv: 3 bytes uploaded to {staged_uri(bucket.root, a)}",
        f"parts: 300 bytes uploaded to {staged_uri(bucket.root, directory)}",
    ]
    assert bucket.objects() == {
        f"runs/inputs/{a.digest}/a.csv": b"1,2",
        f"runs/inputs/{a.digest}/.a.csv.manifest.json": (
            b'{"name": "a.csv", "files": 1, "bytes": 3}'
        ),
        **{
            f"runs/inputs/{directory.digest}/parts/deep/{name}": data
            for name, data in parts.items()
        },
        f"runs/inputs/{directory.digest}/.parts.manifest.json": (
            b'{"name": "parts", "files": 3, "bytes": 300}'
        ),
    }


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024, 16 * 1024 * 1024, LARGE])
def test_files_of_any_size_keep_their_bytes(bucket: Bucket, tmp_path: Path, size: int) -> None:
    content = random_bytes(size)
    (tmp_path / "a.bin").write_bytes(content)
    one = described(tmp_path, "a.bin")
    staged([one], bucket.root, tmp_path)
    assert bucket.objects()[name_in(bucket, one)] == content


def test_a_second_time_nothing_is_sent(bucket: Bucket, tmp_path: Path) -> None:
    many_files(tmp_path / "parts", 5)
    (tmp_path / "a.csv").write_bytes(b"1")
    inputs = [described(tmp_path, "parts"), described(tmp_path, "a.csv")]
    staged(inputs, bucket.root, tmp_path)
    before = bucket.generations()
    report, printed = staged(inputs, bucket.root, tmp_path)
    assert (report.uploaded, report.already, report.bytes) == ((), tuple(inputs), 0)
    assert (str(report), printed) == ("2 inputs are staged already", "")
    assert bucket.generations() == before


def test_two_datasets_of_one_content_and_name_are_sent_once(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_bytes(b"1")
    inputs = [described(tmp_path, "x/a.csv"), described(tmp_path, "y/a.csv")]
    report, _ = staged(inputs, bucket.root, tmp_path)
    assert str(report) == "1 input staged (1 byte), 1 staged already"


def test_an_empty_directory_is_but_a_manifest(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    one = described(tmp_path, "parts")
    staged([one], bucket.root, tmp_path)
    assert list(bucket.objects()) == manifests(bucket) != []
    assert staged([one], bucket.root, tmp_path)[0].already == (one,)


def test_parameters_are_sent_from_memory(bucket: Bucket, tmp_path: Path) -> None:
    content = b"[1]" * 10
    digest = hashlib.sha256(content).hexdigest()
    one = StagedInput("input-p", "params:p", "", digest, "p.json", content)
    staged([one], bucket.root, tmp_path)
    assert bucket.objects()[name_in(bucket, one)] == content


def test_an_object_that_was_removed_is_sent_again(bucket: Bucket, tmp_path: Path) -> None:
    """A bucket may delete what is old, and the manifest is the youngest."""
    content = many_files(tmp_path / "parts", 3)
    one = described(tmp_path, "parts")
    staged([one], bucket.root, tmp_path)
    fs, path = open_filesystem(f"{staged_uri(bucket.root, one)}/0001.bin")
    fs.rm_file(path)
    report, _ = staged([one], bucket.root, tmp_path)
    assert report.bytes == 100
    assert bucket.objects()[f"{name_in(bucket, one)}/0001.bin"] == content["0001.bin"]


@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
def test_a_file_that_changed_since_it_was_planned_never_appears(
    bucket: Bucket, tmp_path: Path, size: int
) -> None:
    (tmp_path / "a.bin").write_bytes(b"1" * size)
    one = described(tmp_path, "a.bin")
    (tmp_path / "a.bin").write_bytes(b"2" * size)
    with pytest.raises(RunError, match=r"'a.bin' changed while it was read: run again"):
        staged([one], bucket.root, tmp_path)
    assert bucket.objects() == {}


def test_a_directory_that_changed_since_it_was_planned_is_refused_before_it_is_sent(
    bucket: Bucket, tmp_path: Path
) -> None:
    many_files(tmp_path / "parts", 3)
    one = described(tmp_path, "parts")
    (tmp_path / "parts" / "0000.bin").write_bytes(b"2" * 100)
    with pytest.raises(RunError, match="'parts' changed while it was read"):
        staged([one], bucket.root, tmp_path)
    assert bucket.objects() == {}


class Meddler(PlainTransfer):
    """Does something once the first file has been sent."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__(io.StringIO())
        self._action = [action]

    def advance(self, count: int) -> None:
        while self._action:
            self._action.pop()()


@pytest.mark.parametrize("size", [100, LARGE], ids=["small", "large"])
def test_wrong_content_of_the_right_size_never_stands_for_the_right_one(
    bucket: Bucket, tmp_path: Path, size: int
) -> None:
    many_files(tmp_path / "parts", 40)
    last = tmp_path / "parts" / "z.bin"
    last.write_bytes(b"1" * size)
    one = described(tmp_path, "parts")
    with pytest.raises(RunError, match="'parts' changed while it was read"):
        staged([one], bucket.root, tmp_path, Meddler(lambda: last.write_bytes(b"2" * size)))
    assert manifests(bucket) == []
    last.write_bytes(b"1" * size)
    staged([one], bucket.root, tmp_path)
    assert bucket.objects()[f"{name_in(bucket, one)}/z.bin"] == b"1" * size


def test_a_killed_upload_is_taken_for_nothing_and_the_next_sends_the_rest(
    bucket: Bucket, tmp_path: Path
) -> None:
    content = many_files(tmp_path / "parts", 400)
    one = described(tmp_path, "parts")
    child = staging_process(tmp_path, bucket.root, "parts", hangs_after=3)
    (tmp_path / "go").touch()
    assert child.stdout is not None
    assert child.stdout.readline() == "hanging\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    before = bucket.generations()
    assert 3 <= len(before) < 400
    assert manifests(bucket) == []

    report, _ = staged([one], bucket.root, tmp_path)
    assert report.uploaded == (one,)
    assert report.bytes == 100 * (400 - len(before))
    after = bucket.generations()
    assert {name: after[name] for name in before} == before
    there = {name.rpartition("/")[2]: data for name, data in bucket.objects().items()}
    assert there.pop(".parts.manifest.json")
    assert there == content


def test_two_processes_at_once_both_succeed(bucket: Bucket, tmp_path: Path) -> None:
    content = many_files(tmp_path / "parts", 40)
    children = [staging_process(tmp_path, bucket.root, "parts") for _ in range(2)]
    (tmp_path / "go").touch()
    for child in children:
        printed, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        assert "staged" in printed
    there = {name.rpartition("/")[2]: data for name, data in bucket.objects().items()}
    assert there.pop(".parts.manifest.json")
    assert there == content


@pytest.mark.parametrize("name", ["a b.csv", "ä%20#?.csv", "x=1,y=2.csv", "[1].csv"])
def test_names_stand_for_themselves(bucket: Bucket, tmp_path: Path, name: str) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / name).write_bytes(b"1")
    one = described(tmp_path, "parts")
    staged([one], bucket.root, tmp_path)
    assert f"{name_in(bucket, one)}/{name}" in bucket.objects()
    assert staged([one], bucket.root, tmp_path)[0].already == (one,)


def test_an_input_that_is_gone_is_named(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1")
    one = described(tmp_path, "a.csv")
    (tmp_path / "a.csv").unlink()
    with pytest.raises(RunError, match=r"input 'a.csv' cannot be read: No such file"):
        staged([one], bucket.root, tmp_path)


def test_any_file_system_that_fsspec_knows_will_do(tmp_path: Path) -> None:
    content = {**many_files(tmp_path / "parts", 3), "large.bin": random_bytes(LARGE)}
    (tmp_path / "parts" / "large.bin").write_bytes(content["large.bin"])
    one = described(tmp_path, "parts")
    root = f"memory://{tmp_path.name}/runs"
    assert staged([one], root, tmp_path)[0].uploaded == (one,)
    assert staged([one], root, tmp_path)[0].already == (one,)
    fs = fsspec.filesystem("memory")
    for name, data in content.items():
        assert fs.cat_file(f"{staged_uri(root, one)}/{name}") == data


class ShelfFileSystem(LocalFileSystem):
    """A file system with directories, where a file appears while it is written."""

    protocol = "shelf"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("shelf://").rstrip("/")


def test_where_files_appear_in_parts_only_a_manifest_says_that_they_are_right(
    tmp_path: Path,
) -> None:
    fsspec.register_implementation("shelf", ShelfFileSystem, clobber=True)
    content = {**many_files(tmp_path / "parts", 3), "large.bin": b"1" * LARGE}
    (tmp_path / "parts" / "large.bin").write_bytes(content["large.bin"])
    one = described(tmp_path, "parts")
    root = f"shelf://{tmp_path}/root"
    place = Path(staged_uri(f"{tmp_path}/root", one))
    place.mkdir(parents=True)
    for name, data in content.items():
        (place / name).write_bytes(b"x" * len(data))
    assert staged([one], root, tmp_path)[0].uploaded == (one,)
    there = {file.name: file.read_bytes() for file in place.iterdir()}
    assert there == content
    assert staged([one], root, tmp_path)[0].already == (one,)


@pytest.mark.parametrize("scheme", ["file://", ""])
def test_a_root_on_this_disk_needs_no_manifest(tmp_path: Path, scheme: str) -> None:
    many_files(tmp_path / "parts", 3)
    one = described(tmp_path, "parts")
    root = f"{scheme}{tmp_path}/root"
    report, _ = staged([one], root, tmp_path)
    assert (report.uploaded, report.bytes) == ((one,), 300)
    place = tmp_path / "root" / "inputs" / one.digest
    assert [file.name for file in place.iterdir()] == ["parts"]
    assert len(list((place / "parts").iterdir())) == 3
    assert staged([one], root, tmp_path)[0].already == (one,)
