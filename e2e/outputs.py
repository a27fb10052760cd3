"""The digests of what a run has left of the catalog's files, wherever it left them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google_service import Job
from google_service.structure import task_tree

from kedro_vertexai.storage import open_filesystem

Artifact = tuple[str, Mapping[str, Any]]
"""URI and metadata."""


def of_vertex_job(job: Job) -> dict[str, str]:
    """From the bucket."""
    return _digests(_artifacts_of(job), _read_object)


def of_local_job(record: Mapping[str, Any]) -> dict[str, str]:
    """From the directory of a job on this machine, by its `job.json`."""
    artifacts = (
        (output["uri"], output["metadata"])
        for task in record["tasks"]
        for output in task["outputs"].values()
    )
    return _digests(artifacts, lambda uri: Path(uri).read_bytes())


def of_kfp_run(pipeline_root: Path) -> dict[str, str]:
    """From what each task has told KFP."""
    artifacts = (
        (listed["artifacts"][0]["uri"], listed["artifacts"][0]["metadata"])
        for file in pipeline_root.rglob("executor_output.json")
        for listed in json.loads(file.read_text("utf-8")).get("artifacts", {}).values()
    )
    return _digests(artifacts, lambda uri: Path(uri).read_bytes())


def _artifacts_of(job: Job) -> Iterator[Artifact]:
    for node in task_tree(job.spec):
        if node.is_container:
            for artifacts in job.task(node.task_name).outputs.values():
                for artifact in artifacts.artifacts:
                    yield artifact.uri, dict(artifact.metadata)


def _digests(artifacts: Iterable[Artifact], read: Any) -> dict[str, str]:
    """By the path that the catalog gives each; what has none is no file of the catalog."""
    return {
        metadata["path"]: hashlib.sha256(read(uri)).hexdigest()
        for uri, metadata in artifacts
        if str(metadata.get("path", "")).startswith("data/")
    }


def _read_object(uri: str) -> bytes:
    fs, path = open_filesystem(uri)
    content: bytes = fs.cat_file(path)
    return content
