"""Datasets in a bucket: tasks reach them by themselves, in order, each its own run's version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloud_storage import Bucket
from local_run import run_once
from project_factory import KedroProject, write_project

NODES = """
    def write(raw):
        return {"text": raw, "from": "this run"}


    def disturb(model):
        # Another run saves a newer version while this one goes on.
        import json
        from kedro_vertexai.storage import open_filesystem

        fs, _ = open_filesystem("gs://BUCKET")
        newer = "BUCKET/model.json/9999-01-01T00.00.00.000Z/model.json"
        fs.pipe_file(newer, json.dumps({"from": "another run"}).encode())
        return "disturbed"


    def read(model, disturbed):
        return model["from"]


    NODES = [
        node(write, "raw", "model", name="write"),
        node(disturb, "model", "disturbed", name="disturb"),
        node(read, ["model", "disturbed"], "read", name="read"),
    ]
"""


@pytest.fixture
def project(bucket: Bucket, tmp_path: Path) -> KedroProject:
    bucket.put("raw.txt", b"raw text")
    return write_project(
        tmp_path / "project",
        package="references_in_a_bucket",
        nodes=NODES.replace("BUCKET", bucket.name),
        catalog={
            "raw": {"type": "text.TextDataset", "filepath": f"gs://{bucket.name}/raw.txt"},
            "model": {
                "type": "json.JSONDataset",
                "filepath": f"gs://{bucket.name}/model.json",
                "versioned": True,
            },
            "read": {"type": "json.JSONDataset", "filepath": "data/read.json"},
        },
    )


@pytest.mark.slow
def test_a_reader_loads_the_version_that_its_own_run_has_saved(
    project: KedroProject, bucket: Bucket
) -> None:
    run = run_once(project)
    assert run.exit_code == 0, run.printed
    assert json.loads(run.outputs_by_path()["data/read.json"].read_text()) == "this run"
    (ours,) = [
        json.loads(content)
        for name, content in bucket.objects("model.json").items()
        if "9999" not in name
    ]
    assert ours == {"text": "raw text", "from": "this run"}


@pytest.mark.slow
def test_its_artifact_says_where_it_lies_and_which_version_it_is(
    project: KedroProject, bucket: Bucket
) -> None:
    run = run_once(project)
    outputs: dict[str, Any] = run.tasks["write"]["outputs"]
    assert outputs["model"]["uri"] == f"gs://{bucket.name}/model.json"
    version = outputs["model"]["metadata"]["version"]
    assert outputs["model"]["metadata"]["reference"] is True
    assert any(version in name for name in bucket.objects("model.json"))
    assert f"gs://{bucket.name}/model.json" in run.printed
