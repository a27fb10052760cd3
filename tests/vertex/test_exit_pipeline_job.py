"""A job of Vertex AI with a pipeline at the end: told how the others ended, and its file kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloud_storage import Bucket
from google.cloud.aiplatform_v1.types import PipelineJob
from google_service import GoogleService, Job
from project_factory import IMAGE, KedroProject

from kedro_vertexai.compiler import spec_for_vertex
from kedro_vertexai.storage import open_filesystem
from kedro_vertexai.targets.vertex.client import GoogleClients

pytestmark = pytest.mark.slow

NODES = """
    import os
    import pathlib
    import time


    def raises(value):
        raise ValueError("no such price")


    def waits(value):
        pathlib.Path(os.environ["MARK"]).write_text("")
        time.sleep(120)


    def one(function):
        return Pipeline([node(function, "params:start", "done", name="my_node")])


    PIPELINES = {
        "__default__": one(first),
        "raises": one(raises),
        "waits": one(waits),
        "notify": Pipeline(
            [node(first, ["params:vertexai_job", "params:channel"], "note", name="tell")]
        ),
    }
"""
RunJob = Callable[..., Job]


@pytest.fixture
def run_job(
    new_project: Callable[..., KedroProject],
    service: GoogleService,
    clients: GoogleClients,
    bucket: Bucket,
) -> RunJob:
    """Submit a pipeline of a project with an exit pipeline."""
    project = new_project(
        nodes=NODES,
        parameters={"start": 1, "channel": "prices"},
        catalog={"note": {"type": "json.JSONDataset", "filepath": "data/note.json"}},
        run_config={"root": bucket.root.removeprefix("gs://"), "on_exit_pipeline": "notify"},
    )
    service.images.push(IMAGE, project.path)

    def submit(pipeline: str) -> Job:
        message = PipelineJob(
            pipeline_spec=spec_for_vertex(project.compile(pipeline=pipeline)),
            runtime_config={"gcs_output_directory": bucket.root},
        )
        clients.pipelines.create_pipeline_job(
            parent=clients.location.parent, pipeline_job=message, pipeline_job_id="a-job"
        )
        return service.job("a-job")

    return submit


def note(clients: GoogleClients) -> dict[str, Any]:
    """What the exit pipeline wrote, from where the job's record says that it lies."""
    job = clients.pipelines.get_pipeline_job(name=clients.location.job("a-job"))
    (last,) = (task for task in job.job_detail.task_details if task.task_name == "on-exit")
    fs, path = open_filesystem(last.outputs["note"].artifacts[0].uri)
    found: dict[str, Any] = json.loads(fs.cat_file(path))
    return found


@pytest.mark.parametrize(
    ("pipeline", "state", "failed"),
    [("__default__", "SUCCEEDED", []), ("raises", "FAILED", ["my_node"])],
)
def test_it_is_told_how_the_job_ended(
    run_job: RunJob, clients: GoogleClients, pipeline: str, state: str, failed: list[str]
) -> None:
    job = run_job(pipeline)
    assert job.wait() == state
    told = note(clients)
    assert (told["state"], told["failed_nodes"]) == (state, failed)
    assert (told["job_name"], told["job_id"]) == (job.id, job.uuid)


def test_it_is_told_of_a_cancelled_job(
    run_job: RunJob, service: GoogleService, clients: GoogleClients, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    service.settings.environment = {"MARK": str(mark)}
    job = run_job("waits")
    deadline = time.monotonic() + 90
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    clients.pipelines.cancel_pipeline_job(name=clients.location.job("a-job"))
    assert job.wait() == "CANCELLED"
    assert note(clients)["state"] == "CANCELLED"
