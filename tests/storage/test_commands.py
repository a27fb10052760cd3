"""The whole way: compile, stage, run and pull, at the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest
from cloud_storage import Bucket
from project_factory import VERTEXAI, KedroProject

from kedro_vertexai.staging import digest_of

NewProject = Callable[..., KedroProject]

NODES = """
def add(table):
    return table.assign(c=table.a + table.b)

def total(table):
    return {"c": int(table.c.sum())}

NODES = [
    node(add, "raw", "sums", name="add"),
    node(total, "sums", "total", name="total"),
]
"""
CATALOG = {
    "raw": {"type": "pandas.CSVDataset", "filepath": "data/raw.csv"},
    "total": {"type": "json.JSONDataset", "filepath": "data/total.json"},
}


def csv(filepath: str) -> dict[str, object]:
    return {"type": "pandas.CSVDataset", "filepath": filepath, "save_args": {"index": False}}


@pytest.fixture
def in_bucket(new_project: NewProject, bucket: Bucket) -> KedroProject:
    """A project whose run root and intermediate table are in a bucket."""
    return shop(new_project, bucket.root, f"gs://{bucket.name}/sums.csv")


def shop(new_project: NewProject, root: str, sums: str) -> KedroProject:
    vertexai = {**VERTEXAI, "run_config": {"image": "image", "root": root}}
    return new_project(
        nodes=NODES,
        catalog={**CATALOG, "sums": csv(sums)},
        vertexai=vertexai,
        files={"data/raw.csv": "a,b\n1,2\n3,4\n"},
    )


def printed(project: KedroProject, *arguments: str) -> str:
    done = project.kedro("vertexai", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    # Kedro begins with a word about its logging.
    lines = done.stdout.splitlines(keepends=True)
    return "".join(line for line in lines if "as logging configuration" not in line)


def outputs_shown(text: str) -> Mapping[str, str]:
    """The table `Outputs` of a run's summary."""
    lines = text.partition("\nOutputs\n")[2].partition("\n\n")[0].splitlines()[1:]
    return dict(line.split() for line in lines)


def test_compile_lists_what_stage_then_uploads_once(
    in_bucket: KedroProject, bucket: Bucket
) -> None:
    digest = digest_of(in_bucket.path / "data" / "raw.csv")
    uri = f"{bucket.root}/inputs/{digest}/raw.csv"
    compiled = printed(in_bucket, "compile")
    assert compiled.splitlines()[-2:] == [
        "Raw inputs that it reads, for `kedro vertexai stage` to upload:",
        f"  raw: data/raw.csv, 12 bytes, to {uri}",
    ]
    assert uri in (in_bucket.path / "pipeline.yaml").read_text()
    assert bucket.objects() == {}
    assert printed(in_bucket, "stage").splitlines() == [
        f"raw: 12 bytes uploaded to {uri}",
        f"1 input staged (12 bytes) under {bucket.root}",
    ]
    before = bucket.generations()
    assert printed(in_bucket, "stage") == f"1 input is staged already under {bucket.root}\n"
    assert bucket.generations() == before
    assert bucket.objects()[f"runs/inputs/{digest}/raw.csv"] == b"a,b\n1,2\n3,4\n"


def test_stage_takes_the_options_of_compile(new_project: NewProject) -> None:
    project = shop(new_project, "memory://root", "data/sums.csv")
    (project.path / "data" / "sums.csv").write_text("c\n1\n")
    done = project.invoke("stage", "--nodes", "total")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:-1]] == ["sums"]


def test_without_raw_inputs_there_is_nothing_to_stage(new_project: NewProject) -> None:
    done = new_project().invoke("stage")
    assert done.exit_code == 0
    assert done.stdout.endswith("reads no raw inputs: nothing to stage\n")


def test_the_commands_are_listed_without_loading_what_transfers() -> None:
    heavy = "{'fsspec', 'gcsfs', 'rich.progress', 'google.auth'}"
    code = f"import sys, kedro_vertexai.cli; print('loaded', {heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded set()\n")


def test_stage_needs_a_root(new_project: NewProject) -> None:
    project = shop(new_project, "bucket", "data/sums.csv")
    (project.path / "conf/base/vertexai.yml").write_text(
        "project_id: p\nregion: europe-west1\nrun_config: {image: image}\n"
    )
    done = project.invoke("stage")
    assert done.exit_code == 1
    assert done.stderr == "Error: run_config.root is not set, and inputs must be staged: raw\n"


@pytest.mark.slow
def test_a_dataset_in_a_bucket_is_written_by_one_task_and_read_by_another(
    in_bucket: KedroProject, bucket: Bucket
) -> None:
    done = in_bucket.kedro("vertexai", "run-once", "--target", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert bucket.objects() == {"sums.csv": b"a,b,c\n1,2,3\n3,4,7\n"}
    assert (
        printed(in_bucket, "pull", "latest").splitlines()[0] == "total: data/total.json, 13 bytes"
    )
    assert (in_bucket.path / "data" / "total.json").read_bytes() == b'{\n  "c": 10\n}'


@pytest.mark.slow
def test_a_run_says_what_it_staged_and_where_its_outputs_are(new_project: NewProject) -> None:
    project = shop(new_project, "bucket", "data/sums.csv")
    first = printed(project, "run-once", "--target", "local")
    assert "1 input staged (12 bytes)\n" in first
    shown = outputs_shown(first)
    assert set(shown) == {"sums", "total"}
    assert (project.path / shown["sums"]).read_text() == "a,b,c\n1,2,3\n3,4,7\n"
    second = printed(project, "run-once", "--target", "local")
    assert "1 input is staged already\n" in second
    assert (
        printed(project, "pull", "latest").splitlines()[-1].endswith(": 2 files written (31 bytes)")
    )
    env = {"MLFLOW_ALLOW_FILE_STORE": "true"}
    assert project.kedro("run", "--env", "local", env=env).returncode == 0
    assert (
        printed(project, "pull", "latest")
        .splitlines()[-1]
        .endswith(": 0 files written (0 bytes), 2 already there")
    )
