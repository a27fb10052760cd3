"""A job with an exit handler in the test service: both lives of a cancelled one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cloud_storage import Bucket
from google.cloud.aiplatform_v1.types import PipelineJob
from google_service import GoogleService
from google_service.prepared_spec import prepared
from submitting import submit
from targets.local_specs import SpecBuilder

from kedro_vertexai.targets.vertex.client import GoogleClients

IMAGE = "image"


def with_exit_handler(bucket: Bucket, code: str) -> PipelineJob:
    spec = SpecBuilder().run("work", code).finish("print('status', status['state'], flush=True)")
    return PipelineJob(
        pipeline_spec=spec.spec(), runtime_config={"gcs_output_directory": bucket.root}
    )


@pytest.fixture(autouse=True)
def image(service: GoogleService, tmp_path: Path) -> None:
    project = tmp_path / "image"
    project.mkdir()
    service.images.push(IMAGE, project)


def test_an_exit_handler_runs_after_a_failure_and_knows_of_it(
    service: GoogleService, clients: GoogleClients, bucket: Bucket
) -> None:
    submit(clients, with_exit_handler(bucket, "sys.exit(7)"))
    assert service.job().wait() == "FAILED"
    assert service.job().task_states() == {
        "a-job": "FAILED",
        "exit-handler-1": "FAILED",
        "work": "FAILED",
        "finish": "SUCCEEDED",
    }
    assert "non-zero status of 7" in service.job().task("work").error.message
    work, dag = service.job().task("work"), service.job().task("exit-handler-1")
    assert (work.parent_task_id, work.task_unique_name) == (dag.task_id, "exit-handler-1.work")


@pytest.mark.parametrize("starts", [True, False])
def test_the_exit_handler_of_a_cancelled_job_is_started_or_not(
    service: GoogleService, clients: GoogleClients, bucket: Bucket, starts: bool
) -> None:
    service.settings.exit_handler_on_cancel = starts
    submit(clients, with_exit_handler(bucket, "print('begun', flush=True); time.sleep(300)"))
    service.job().wait_for_log("begun")
    clients.pipelines.cancel_pipeline_job(name=clients.location.job("a-job"))
    assert service.job().wait() == "CANCELLED"
    states = service.job().task_states()
    assert states["work"] == "CANCELLED"
    assert states.get("finish") == ("SUCCEEDED" if starts else None)


def test_the_hosts_file_of_this_machine_is_left_alone() -> None:
    spec: dict[str, Any] = SpecBuilder().run("work").spec()
    container = spec["deploymentSpec"]["executors"]["exec-work"]["container"]
    container["args"] = ["--host-alias", "10.0.0.1 name", "{{$}}"]
    request = {
        "spec": spec,
        "job_uuid": "1",
        "job_name": "a",
        "images": [{"image": "image:latest"}],
    }
    ready, errors = prepared(request, bucket=None)  # type: ignore[arg-type]
    assert ready["deploymentSpec"]["executors"]["exec-work"]["container"]["args"] == ["{{$}}"]
    assert errors == {}
