"""The test service itself: it answers as Vertex AI does, and really runs what it is given."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_storage import Bucket
from google.api_core.exceptions import BadRequest, Conflict
from google.cloud.aiplatform_v1.types import PipelineJob
from google_service import GoogleService
from project_factory import IMAGE, KedroProject

from kedro_vertexai.compiler import spec_for_vertex
from kedro_vertexai.targets.vertex.client import GoogleClients

TWO_NODES = """
def double(x):
    return 2 * x

def report(x):
    print(f"the result is {x}")
    return x

NODES = [
    node(double, "params:start", "doubled", name="double"),
    node(report, "doubled", "reported", name="report"),
]
"""


def new_job(project: KedroProject, bucket: Bucket, **values: Any) -> PipelineJob:
    spec = spec_for_vertex(project.compile())
    return PipelineJob(
        pipeline_spec=spec,
        runtime_config={"gcs_output_directory": bucket.root, "parameter_values": values},
    )


def submit(clients: GoogleClients, job: PipelineJob, job_id: str = "a-job") -> PipelineJob:
    return clients.pipelines.create_pipeline_job(
        parent=clients.location.parent, pipeline_job=job, pipeline_job_id=job_id
    )


@pytest.fixture
def project(new_project: Any, service: GoogleService, bucket: Bucket) -> KedroProject:
    made = new_project(
        nodes=TWO_NODES,
        parameters={"start": 21},
        catalog={"reported": {"type": "json.JSONDataset", "filepath": "data/reported.json"}},
        run_config={"root": bucket.root.removeprefix("gs://")},
    )
    service.images.push(IMAGE, made.path)
    return made


def test_a_submitted_spec_runs_and_its_outputs_are_in_the_bucket(
    service: GoogleService, clients: GoogleClients, project: KedroProject, bucket: Bucket
) -> None:
    made = submit(clients, new_job(project, bucket))
    assert made.name.endswith("/pipelineJobs/a-job")
    assert service.job("a-job").wait() == "SUCCEEDED", service.job("a-job").message().error
    job = clients.pipelines.get_pipeline_job(name=clients.location.job("a-job"))
    states = {task.task_name: task.state.name for task in job.job_detail.task_details}
    assert states == {"a-job": "SUCCEEDED", "double": "SUCCEEDED", "report": "SUCCEEDED"}
    outputs = [
        artifact.uri
        for task in job.job_detail.task_details
        for artifacts in task.outputs.values()
        for artifact in artifacts.artifacts
    ]
    assert len(outputs) == 2
    for uri in outputs:
        assert uri.startswith(f"{bucket.root}/{service.place.project_number}/a-job/")
        assert uri.removeprefix(f"gs://{bucket.name}/") in bucket.objects()


def test_an_id_is_given_once(
    service: GoogleService, clients: GoogleClients, project: KedroProject, bucket: Bucket
) -> None:
    service.settings.execute = False
    submit(clients, new_job(project, bucket))
    with pytest.raises(Conflict):
        submit(clients, new_job(project, bucket))


def test_a_value_of_another_type_is_refused(
    service: GoogleService, clients: GoogleClients, project: KedroProject, bucket: Bucket
) -> None:
    with pytest.raises(BadRequest, match="nowhere"):
        submit(clients, new_job(project, bucket, nowhere=1))
    assert service.jobs == []
