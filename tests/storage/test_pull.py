"""`kedro vertexai pull`: a job's outputs at the catalog's own paths."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import Result
from cloud_storage import Bucket, random_bytes
from finished_jobs import LocalJob, output, passed_object
from project_factory import KedroProject

NewProject = Callable[..., KedroProject]

CATALOG = {
    "table": {"type": "pandas.CSVDataset", "filepath": "data/02/table.csv"},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "x"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/model.pkl", "versioned": True},
    "remote": {"type": "pandas.CSVDataset", "filepath": "gs://somewhere/x.csv"},
    "both@pandas": {"type": "pandas.CSVDataset", "filepath": "data/both.csv"},
    "both@text": {"type": "text.TextDataset", "filepath": "data/both.csv"},
    "{name}_result": {"type": "json.JSONDataset", "filepath": "data/results/{name}.json"},
}


@pytest.fixture
def project(new_project: NewProject) -> KedroProject:
    return new_project(catalog=CATALOG)


@pytest.fixture
def job(project: KedroProject) -> LocalJob:
    return LocalJob(project, "shop-1")


def pull(project: KedroProject, *arguments: str) -> Result:
    done = project.invoke("pull", *arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def refusal(project: KedroProject, *arguments: str) -> str:
    """The one line that says why nothing was pulled; nothing was written."""
    before = project.files()
    done = pull(project, *arguments)
    assert done.exit_code == 1
    assert project.files() == before
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def made_at(path: Path, when: float) -> None:
    """Set when a file was last changed."""
    os.utime(path, (when, when))


def test_every_kind_of_file_comes_to_its_own_path(project: KedroProject, job: LocalJob) -> None:
    job.ended(
        {
            "a": output("table", job.artifact("t", "a", b"1,2")),
            "b": output("parts", job.artifact("t", "b", {"x/1.csv": b"1", "2.csv": b"22"})),
        },
        {
            "c": output("model", job.artifact("u", "c", {"2026/model.pkl": b"new"})),
            "d": output("both", job.artifact("u", "d", b"3")),
            "e": output("train_result", job.artifact("u", "e", b"{}")),
            "f": passed_object("object", job.artifact("u", "f", b"never")),
        },
    )
    done = pull(project, "shop-1")
    written = {name: data for name, data in project.files().items() if name.startswith("data/")}
    assert written == {
        "data/02/table.csv": b"1,2",
        "data/parts/x/1.csv": b"1",
        "data/parts/2.csv": b"22",
        "data/model.pkl/2026/model.pkl": b"new",
        "data/both.csv": b"3",
        "data/results/train.json": b"{}",
    }
    assert done.stdout.splitlines() == [
        "table: data/02/table.csv, 3 bytes",
        "parts: data/parts, 3 bytes",
        "model: data/model.pkl, 3 bytes",
        "both: data/both.csv, 1 byte",
        "train_result: data/results/train.json, 2 bytes",
        "job shop-1: 6 files written (12 bytes)",
    ]


def test_what_is_there_already_is_counted_and_left_alone(
    project: KedroProject, job: LocalJob
) -> None:
    job.ended({"b": output("parts", job.artifact("t", "b", {"1.csv": b"1", "2.csv": b"2"}))})
    pull(project, "shop-1")
    place = project.path / "data" / "parts"
    (place / "2.csv").unlink()
    made_at(place / "1.csv", 1.0)
    assert pull(project, "shop-1").stdout.splitlines()[-1] == (
        "job shop-1: 1 file written (1 byte), 1 already there"
    )
    assert (place / "1.csv").stat().st_mtime == 1.0


def test_only_the_datasets_asked_for_come(project: KedroProject, job: LocalJob) -> None:
    job.ended(
        {
            "a": output("table", job.artifact("t", "a", b"1")),
            "d": output("both", job.artifact("t", "d", b"2")),
            "e": output("train_result", job.artifact("t", "e", b"3")),
        }
    )
    pull(project, "shop-1", "table", "both@pandas")
    assert sorted(path.name for path in (project.path / "data").rglob("*.*")) == [
        "both.csv",
        "table.csv",
    ]


def test_they_go_below_another_directory_if_told(
    project: KedroProject, job: LocalJob, tmp_path: Path
) -> None:
    job.ended({"a": output("table", job.artifact("t", "a", b"1"))})
    pull(project, "shop-1", "--to", str(tmp_path / "there"))
    assert (tmp_path / "there" / "data" / "02" / "table.csv").read_bytes() == b"1"
    assert not (project.path / "data").exists()


def test_all_newer_files_are_named_before_any_is_written(
    project: KedroProject, job: LocalJob
) -> None:
    job.ended(
        {
            "a": output("table", job.artifact("t", "a", b"job's")),
            "b": output("parts", job.artifact("t", "b", {"1.csv": b"1", "2.csv": b"2"})),
        }
    )
    for name in ("02/table.csv", "parts/1.csv"):
        file = project.path / "data" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"mine!")
        made_at(file, time.time() + 100)
    assert refusal(project, "shop-1") == (
        "nothing is written: 2 files here changed after the job wrote them (--force replaces "
        "them): data/02/table.csv, data/parts/1.csv"
    )
    assert pull(project, "shop-1", "--force").exit_code == 0
    assert (project.path / "data/02/table.csv").read_bytes() == b"job's"
    assert (project.path / "data/parts/1.csv").read_bytes() == b"1"


def test_an_older_file_is_replaced(project: KedroProject, job: LocalJob) -> None:
    job.ended({"a": output("table", job.artifact("t", "a", b"job's"))})
    file = project.path / "data" / "02" / "table.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"mine!")
    made_at(file, time.time() - 100)
    assert pull(project, "shop-1").exit_code == 0
    assert file.read_bytes() == b"job's"


def test_nothing_of_a_directory_is_deleted(project: KedroProject, job: LocalJob) -> None:
    job.ended({"c": output("model", job.artifact("t", "c", {"2026/model.pkl": b"new"}))})
    old = project.path / "data" / "model.pkl" / "2025" / "model.pkl"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    pull(project, "shop-1")
    assert old.read_bytes() == b"old"
    assert (project.path / "data/model.pkl/2026/model.pkl").read_bytes() == b"new"


def test_a_directory_in_the_place_of_a_file_stays(project: KedroProject, job: LocalJob) -> None:
    job.ended({"a": output("table", job.artifact("t", "a", b"1"))})
    (project.path / "data" / "02" / "table.csv").mkdir(parents=True)
    assert "a directory is here where the job has a file" in refusal(project, "shop-1", "--force")


def test_a_file_in_the_place_of_a_directory_stays(project: KedroProject, job: LocalJob) -> None:
    job.ended({"b": output("parts", job.artifact("t", "b", {"x/1.csv": b"1"}))})
    (project.path / "data" / "parts").mkdir(parents=True)
    (project.path / "data" / "parts" / "x").write_bytes(b"mine")
    assert "or a file where it has a directory: data/parts/x/1.csv" in refusal(
        project, "shop-1", "--force"
    )


def test_what_was_saved_nowhere_is_passed_over(project: KedroProject, job: LocalJob) -> None:
    job.ended({"b": output("parts", job.path / "nothing", absent=True)})
    assert pull(project, "shop-1").stdout == "job shop-1: 0 files written (0 bytes)\n"
    assert "dataset 'parts': its node saved nothing" in pull(project, "shop-1", "parts").stderr


def test_an_empty_directory_is_made(project: KedroProject, job: LocalJob) -> None:
    job.ended({"b": output("parts", job.path / "nothing", empty=True)})
    pull(project, "shop-1")
    assert list((project.path / "data" / "parts").iterdir()) == []


def test_of_one_dataset_the_last_task_wins(project: KedroProject, job: LocalJob) -> None:
    job.ended(
        {"a": output("table", job.artifact("t", "a", b"first"))},
        {"a": output("table", job.artifact("u", "a", b"second"))},
    )
    pull(project, "shop-1")
    assert (project.path / "data/02/table.csv").read_bytes() == b"second"


def test_of_two_datasets_in_one_place_the_last_task_wins(new_project: NewProject) -> None:
    entry = {"type": "pandas.CSVDataset", "filepath": "data/x.csv"}
    project = new_project(catalog={"before": entry, "after": entry})
    job = LocalJob(project, "shop-1")
    job.ended(
        {"a": output("after", job.artifact("t", "a", b"1"))},
        {"a": output("before", job.artifact("u", "a", b"2"))},
        {"a": output("after", job.artifact("v", "a", b"3"))},
    )
    pull(project, "shop-1")
    assert (project.path / "data" / "x.csv").read_bytes() == b"3"


def test_where_it_goes_is_not_for_the_job_to_say(project: KedroProject, job: LocalJob) -> None:
    artifact = job.artifact("t", "a", b"1")
    job.ended({"a": output("table", artifact, path="../../../evil.csv")})
    pull(project, "shop-1")
    assert (project.path / "data/02/table.csv").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        ("gone", "dataset 'gone' is not in the catalog now"),
        ("remote", "dataset 'remote' is not in a local file in the catalog now"),
    ],
)
def test_a_dataset_without_a_local_path_now_is_left_out(
    project: KedroProject, job: LocalJob, dataset: str, reason: str
) -> None:
    job.ended(
        {
            "a": output("table", job.artifact("t", "a", b"1")),
            "b": output(dataset, job.artifact("t", "b", b"2")),
        }
    )
    assert refusal(project, "shop-1", dataset) == reason
    done = pull(project, "shop-1")
    assert (done.exit_code, done.stderr) == (0, f"Warning: {reason}; left out\n")
    assert (project.path / "data/02/table.csv").exists()


@pytest.mark.parametrize("path", ["{tmp}/outside/x.csv", "../outside/x.csv"])
def test_what_lies_outside_of_the_project_needs_another_place(
    new_project: NewProject, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "outside" / "x.csv"
    catalog = {"x": {"type": "pandas.CSVDataset", "filepath": path.format(tmp=tmp_path)}}
    project = new_project(catalog=catalog)
    job = LocalJob(project, "shop-1")
    job.ended({"a": output("x", job.artifact("t", "a", b"1"))})
    assert refusal(project, "shop-1", "x", "--force") == (
        f"dataset 'x' lies outside of the project, at {outside}: --to DIR takes it"
    )
    pull(project, "shop-1", "--to", str(tmp_path / "there"))
    assert (tmp_path / "there" / outside.relative_to("/")).read_bytes() == b"1"
    assert not outside.exists()


def test_an_object_and_an_unknown_name_are_told_apart(project: KedroProject, job: LocalJob) -> None:
    job.ended(
        {
            "a": output("table", job.artifact("t", "a", b"1")),
            "f": passed_object("fitted", job.artifact("t", "f", b"1")),
        }
    )
    assert "'fitted' is not in a file that job shop-1 wrote" in refusal(project, "shop-1", "fitted")
    assert refusal(project, "shop-1", "tabel") == (
        "job shop-1 has no dataset 'tabel', did you mean 'table'?"
    )


def test_an_artifact_that_is_gone_is_named(project: KedroProject, job: LocalJob) -> None:
    job.ended({"a": output("table", job.path / "gone")})
    assert refusal(project, "shop-1") == (
        f"{job.path / 'gone'} cannot be read: No such file or directory"
    )


def test_a_job_that_failed_gives_what_it_has(project: KedroProject, job: LocalJob) -> None:
    job.ended({"a": output("table", job.artifact("t", "a", b"1"))}, state="FAILED")
    done = pull(project, "shop-1")
    assert done.exit_code == 0
    assert "job shop-1 is FAILED: it has what its finished tasks made" in done.stderr


def test_a_job_that_failed_before_it_made_a_file_is_an_error(
    project: KedroProject, job: LocalJob
) -> None:
    job.ended({"f": passed_object("fitted", job.artifact("t", "f", b"1"))}, state="FAILED")
    assert refusal(project, "shop-1") == "job shop-1 is FAILED, and has no file to fetch"


def test_a_job_is_named_by_its_beginning_or_as_the_latest(project: KedroProject) -> None:
    for name, hours in (("shop-20260101", 0), ("shop-20250101", 2), ("mill-20260101", 1)):
        job = LocalJob(project, name, hours)
        job.ended({"a": output("table", job.artifact("t", "a", name.encode()))})
    table = project.path / "data/02/table.csv"
    for asked, name in (
        ("latest", "shop-20250101"),
        ("mill", "mill-20260101"),
        ("shop-2026", "shop-20260101"),
    ):
        assert pull(project, asked, "--force").exit_code == 0
        assert table.read_bytes() == name.encode()
    assert refusal(project, "shop") == (
        "several jobs begin with 'shop': shop-20250101, shop-20260101"
    )


def test_an_unknown_job_is_told_the_nearest(project: KedroProject, job: LocalJob) -> None:
    job.ended({})
    assert refusal(project, "SHOP-1") == (
        "no job 'SHOP-1' on this machine, and none on Vertex AI in project my-project, "
        "region europe-west1"
    )
    assert refusal(project, "shop_1") == (
        "no job 'shop_1' on this machine, did you mean 'shop-1'?, and none on Vertex AI in "
        "project my-project, region europe-west1"
    )


def test_before_the_first_job_there_is_no_latest(project: KedroProject) -> None:
    assert refusal(project, "latest") == "no job has run on this machine yet"


def test_a_record_that_is_none_is_named(project: KedroProject, job: LocalJob) -> None:
    (job.path / "job.json").write_text("[]")
    assert "is not the record of a job" in refusal(project, "shop-1")


def test_a_place_that_cannot_be_written_is_named(project: KedroProject, job: LocalJob) -> None:
    job.ended({"a": output("table", job.artifact("t", "a", b"1"))})
    (project.path / "data").write_bytes(b"")
    assert refusal(project, "shop-1") == (
        f"cannot write {project.path}/data/02/table.csv: Not a directory"
    )


def gs_output(bucket: Bucket, dataset: str, files: dict[str, bytes], **metadata: Any) -> Any:
    for name, content in files.items():
        bucket.put(f"pipeline/{dataset}{'/' if name else ''}{name}", content)
    return output(dataset, f"gs://{bucket.name}/pipeline/{dataset}", **metadata)


def test_artifacts_come_from_a_bucket(project: KedroProject, job: LocalJob, bucket: Bucket) -> None:
    large = random_bytes(20_000_001)
    parts = {"a b.csv": b"1", "deep/ä%20.csv": b"2", "zero": b""}
    job.ended(
        {
            "a": gs_output(bucket, "table", {"": large}),
            "b": gs_output(bucket, "parts", parts),
        }
    )
    # As consoles mark a directory, and a name that only begins alike.
    bucket.put("pipeline/parts/deep/", b"")
    bucket.put("pipeline/parts-of-another/1.csv", b"no")
    done = pull(project, "shop-1")
    assert done.exit_code == 0, done.output
    assert (project.path / "data/02/table.csv").read_bytes() == large
    place = project.path / "data" / "parts"
    there = {
        f.relative_to(place).as_posix(): f.read_bytes() for f in place.rglob("*") if f.is_file()
    }
    assert there == parts
    assert "4 already there" in pull(project, "shop-1").stdout


def test_newer_files_are_known_beside_a_bucket(
    project: KedroProject, job: LocalJob, bucket: Bucket
) -> None:
    job.ended({"b": gs_output(bucket, "parts", {"1.csv": b"1", "2.csv": b"2", "3.csv": b"3"})})
    place = project.path / "data" / "parts"
    place.mkdir(parents=True)
    for name, content, age in (("1.csv", b"x", -100), ("2.csv", b"x", 100), ("3.csv", b"3", -100)):
        (place / name).write_bytes(content)
        made_at(place / name, time.time() - age)
    assert refusal(project, "shop-1").endswith("(--force replaces them): data/parts/1.csv")


@pytest.mark.parametrize("name", ["../../evil", "x/../../../evil", "/etc/evil", "x//evil", "./x"])
def test_an_object_whose_name_leads_elsewhere_is_refused(
    project: KedroProject, job: LocalJob, name: str
) -> None:
    """A bucket takes such names; the emulator does not."""
    job.ended({"b": output("parts", "memory://bucket/parts")})
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/parts/1.csv", b"1")
    memory.pipe_file(f"/bucket/parts/{name}", b"evil")
    try:
        assert "holds an object whose name leads out of it" in refusal(project, "shop-1")
    finally:
        memory.store.clear()


def test_what_a_bucket_no_longer_has_is_named(
    project: KedroProject, job: LocalJob, bucket: Bucket
) -> None:
    uri = f"gs://{bucket.name}/gone"
    job.ended({"a": output("table", uri)})
    assert refusal(project, "shop-1") == f"nothing lies at {uri} any more"


def test_a_killed_pull_leaves_no_part_of_a_file(
    project: KedroProject, job: LocalJob, bucket: Bucket
) -> None:
    content = {f"{number}.bin": random_bytes(3_000_000) for number in range(40)}
    job.ended({"b": gs_output(bucket, "parts", content)})
    child = subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "pull", "shop-1"],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    place = project.path / "data" / "parts"
    while not (place.is_dir() and len(list(place.glob("[!.]*"))) > 3):
        assert child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    there = visible_files(place)
    assert len(there) < 40
    assert damaged(there, content) == []
    assert pull(project, "shop-1").exit_code == 0
    assert visible_files(place).keys() == content.keys()
    assert damaged(visible_files(place), content) == []


class Lossy(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
    """A storage that knows digests, and of which a byte comes wrong, so many times."""

    protocol = "lossy"
    losses = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("lossy://", "memory://"))

    def find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        found = super().find(path, *args, **kwargs)
        for name, info in found.items():
            digest = hashlib.md5(self.cat_file(name)).digest()
            info["md5Hash"] = base64.b64encode(digest).decode()
        return found

    def get_file(self, source: str, target: str, **kwargs: Any) -> None:
        super().get_file(source, target, **kwargs)
        if type(self).losses:
            type(self).losses -= 1
            content = Path(target).read_bytes()
            Path(target).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("losses", [1, 2])
def test_what_comes_damaged_is_fetched_again_and_never_taken(
    project: KedroProject, job: LocalJob, monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    fsspec.register_implementation("lossy", Lossy, clobber=True)
    monkeypatch.setattr(Lossy, "losses", losses)
    fsspec.filesystem("memory").pipe_file("/bucket/table.csv", b"1,2")
    job.ended({"a": output("table", "lossy://bucket/table.csv")})
    if losses == 1:
        assert pull(project, "shop-1").exit_code == 0
        assert (project.path / "data/02/table.csv").read_bytes() == b"1,2"
    else:
        told = refusal(project, "shop-1")
        assert told == "lossy://bucket/table.csv: it came damaged, run again"


def damaged(files: dict[str, bytes], content: dict[str, bytes]) -> list[str]:
    """By name: to show how such files differ takes minutes."""
    return [name for name in files if files[name] != content[name]]


def visible_files(directory: Path) -> dict[str, bytes]:
    """What a dataset would see: a file on its way has a hidden name until it is whole."""
    return {
        file.name: file.read_bytes()
        for file in directory.iterdir()
        if not file.name.startswith(".")
    }


def test_all_that_several_datasets_added_to_one_directory_comes_back(
    new_project: NewProject,
) -> None:
    parts = {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "x"}
    project = new_project(catalog={"one": parts, "two": parts})
    job = LocalJob(project, "shop-1")
    one = job.artifact("a", "one", {"a": b"1", "both": b"one"})
    two = job.artifact("b", "two", {"b": b"2", "both": b"two"})
    job.ended({"one": output("one", str(one))}, {"two": output("two", str(two))})
    assert pull(project, "shop-1").exit_code == 0
    assert visible_files(project.path / "data" / "parts") == {"a": b"1", "b": b"2", "both": b"two"}
