"""A small job, and its submission with the client alone."""

from __future__ import annotations

from typing import Any

from cloud_storage import Bucket
from google.cloud.aiplatform_v1.types import PipelineJob
from project_factory import KedroProject

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
        parent=clients.location.parent, pipeline_job=job, pipeline_job_id=job_id, timeout=30
    )
