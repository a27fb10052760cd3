"""The test service's pipeline jobs: answered as Vertex AI does, and really run."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_storage import Bucket
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, NotFound
from google.cloud.aiplatform_v1.types import PipelineJob
from google_service import GoogleService
from project_factory import IMAGE, KedroProject
from submitting import TWO_NODES, new_job, submit

from kedro_vertexai.targets.vertex.client import GoogleClients

FAILING = """
def break_down(x):
    print("about to break")
    raise ValueError("broken")

NODES = [
    node(break_down, "params:start", "broken", name="break_down"),
    node(first, "broken", "after", name="after"),
]
"""
WAITING = """
import time

def wait(x):
    print("waiting", flush=True)
    time.sleep(300)

NODES = [node(wait, "params:start", "waited", name="wait")]
"""


@pytest.fixture
def make_project(new_project: Any, service: GoogleService) -> Any:
    def make(nodes: str) -> KedroProject:
        reported = {"type": "json.JSONDataset", "filepath": "data/reported.json"}
        made = new_project(nodes=nodes, parameters={"start": 21}, catalog={"reported": reported})
        service.images.push(IMAGE, made.path)
        return made

    return make


@pytest.fixture
def job(make_project: Any, bucket: Bucket) -> PipelineJob:
    return new_job(make_project(TWO_NODES), bucket)


@pytest.fixture
def told(service: GoogleService) -> None:
    """No job runs."""
    service.settings.execute = False


def get(clients: GoogleClients, job_id: str = "a-job") -> PipelineJob:
    return clients.pipelines.get_pipeline_job(name=clients.location.job(job_id))


# A job that runs


def test_a_submitted_spec_runs_and_its_outputs_are_in_the_bucket(
    service: GoogleService, clients: GoogleClients, job: PipelineJob, bucket: Bucket
) -> None:
    made = submit(clients, job)
    assert made.name == f"{service.place.parent}/pipelineJobs/a-job"
    assert service.job("a-job").wait() == "SUCCEEDED", service.job().message().error
    ended = get(clients)
    states = {task.task_name: task.state.name for task in ended.job_detail.task_details}
    assert states == {"a-job": "SUCCEEDED", "double": "SUCCEEDED", "report": "SUCCEEDED"}
    assert ended.job_detail.pipeline_run_context.schema_title == "system.PipelineRun"
    (double, report) = ended.job_detail.task_details[1:]
    uri = double.outputs["doubled"].artifacts[0].uri
    assert uri.startswith(f"{bucket.root}/{service.place.project_number}/a-job/double_")
    assert report.inputs["doubled"].artifacts[0].uri == uri
    (saved,) = report.outputs["reported"].artifacts
    assert bucket.objects()[saved.uri.removeprefix(f"gs://{bucket.name}/")] == b"42"


def test_a_given_value_replaces_the_default(
    service: GoogleService, clients: GoogleClients, make_project: Any, bucket: Bucket
) -> None:
    submit(clients, new_job(make_project(TWO_NODES), bucket, start=5))
    assert service.job().wait() == "SUCCEEDED"
    assert b"10" in bucket.objects().values()


def test_what_a_container_prints_is_found_by_its_custom_job(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    submit(clients, job)
    service.job().wait()
    (_, _, report) = get(clients).job_detail.task_details
    number = report.executor_detail.container_detail.main_job.rpartition("/")[2]
    answer = clients.session_for(service.url).post(
        f"{service.url}/v2/entries:list",
        json={
            "resourceNames": [f"projects/{service.place.project_id}"],
            "filter": f'resource.type="ml_job" AND resource.labels.job_id="{number}"',
            "pageSize": 1000,
        },
    )
    messages = [entry["jsonPayload"]["message"] for entry in answer.json()["entries"]]
    assert "the result is 42" in messages


def test_a_failing_container_fails_the_job_and_names_the_task(
    service: GoogleService, clients: GoogleClients, make_project: Any, bucket: Bucket
) -> None:
    submit(clients, new_job(make_project(FAILING), bucket))
    assert service.job().wait() == "FAILED"
    ended = get(clients)
    assert ended.error.message.startswith(
        "The DAG failed because some tasks failed. The failed tasks are: [break-down]."
    )
    states = {task.task_name: task.state.name for task in ended.job_detail.task_details}
    assert (states["break-down"], states["after"]) == ("FAILED", "NOT_TRIGGERED")
    assert "exited with a non-zero status of 1" in ended.job_detail.task_details[1].error.message


def test_a_task_whose_image_does_not_exist_fails(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    service.images.remove(IMAGE)
    submit(clients, job)
    assert service.job().wait() == "FAILED"
    assert IMAGE in service.job().task("double").error.message


def test_a_cancelled_job_is_stopped(
    service: GoogleService, clients: GoogleClients, make_project: Any, bucket: Bucket
) -> None:
    submit(clients, new_job(make_project(WAITING), bucket))
    service.job().wait_for_log("waiting")
    clients.pipelines.cancel_pipeline_job(name=clients.location.job("a-job"))
    assert get(clients).state.name in ("PIPELINE_STATE_CANCELLING", "PIPELINE_STATE_CANCELLED")
    assert service.job().wait() == "CANCELLED"
    assert service.job().task_states()["wait"] == "CANCELLED"
    with pytest.raises(BadRequest, match="cannot be cancelled"):
        clients.pipelines.cancel_pipeline_job(name=clients.location.job("a-job"))


# What is refused


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda job: job.labels.update({"Upper": "x"}), "label key"),
        (lambda job: job.labels.update({"key": "x" * 65}), "of label 'key'"),
        (lambda job: job.labels.update({f"k{n}": "" for n in range(65)}), "64 labels"),
        (lambda job: setattr(job, "display_name", "x" * 129), "128"),
        (lambda job: setattr(job.runtime_config, "gcs_output_directory", "/tmp"), "gs://"),
        (lambda job: job.runtime_config.parameter_values.update(nowhere=1), "not defined"),
        (lambda job: job.runtime_config.parameter_values.update(start="x"), "NUMBER_INTEGER"),
        (lambda job: job.pipeline_spec.update({"schemaVersion": "9"}), "schema version"),
        (lambda job: job.pipeline_spec.update({"components": {}}), "unknown component"),
        (lambda job: job.pipeline_spec.update({"unheard": 1}), "Failed to parse"),
        (lambda job: setattr(job, "network", "default"), "Invalid network"),
    ],
)
def test_a_job_that_is_not_valid_is_refused(
    service: GoogleService, clients: GoogleClients, job: PipelineJob, change: Any, message: str
) -> None:
    change(job)
    with pytest.raises(BadRequest, match=message):
        submit(clients, job)
    assert service.jobs == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("job_id", ["1-job", "A-job", "a_job", "a" * 129])
def test_an_id_of_another_form_is_refused(
    clients: GoogleClients, job: PipelineJob, job_id: str
) -> None:
    with pytest.raises(BadRequest, match="resource ID"):
        submit(clients, job, job_id)


@pytest.mark.usefixtures("told")
def test_an_id_is_given_once(clients: GoogleClients, job: PipelineJob) -> None:
    submit(clients, job)
    with pytest.raises(Conflict):
        submit(clients, job)


@pytest.mark.usefixtures("told")
def test_an_unknown_field_is_refused(service: GoogleService, clients: GoogleClients) -> None:
    answer = clients.session_for(service.url).post(
        f"{service.url}/v1/{clients.location.parent}/pipelineJobs?pipelineJobId=a-job",
        json={"displayName": "x", "unheard": 1},
    )
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert "Unknown name \"unheard\" at 'pipeline_job': Cannot find field." in error["message"]


def test_another_project_is_forbidden(clients: GoogleClients) -> None:
    with pytest.raises(Forbidden) as caught:
        clients.pipelines.get_pipeline_job(
            name="projects/another/locations/europe-west1/pipelineJobs/a-job"
        )
    assert caught.value.details[0]["reason"] == "IAM_PERMISSION_DENIED"


# Lists


@pytest.mark.usefixtures("told")
def test_a_list_is_filtered_sorted_paged_and_masked(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    for number in range(5):
        job.labels["parity"] = "odd" if number % 2 else "even"
        submit(clients, job, f"job-{number}")
    service.job("job-2").set_state("FAILED")

    def listed(**request: Any) -> list[str]:
        found = clients.pipelines.list_pipeline_jobs(
            request={"parent": clients.location.parent, "page_size": 2, **request}
        )
        return [one.name.rpartition("/")[2] for one in found]

    assert listed() == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert listed(order_by="create_time", filter="labels.parity=even") == [
        "job-0",
        "job-2",
        "job-4",
    ]
    assert listed(filter='labels.parity="even" AND state="PIPELINE_STATE_FAILED"') == ["job-2"]
    assert listed(filter='create_time<"2020-01-01T00:00:00Z" OR labels:nothing') == []
    with pytest.raises(BadRequest, match="unsupported field"):
        listed(filter='colour="red"')
    (masked, *_) = clients.pipelines.list_pipeline_jobs(
        request={"parent": clients.location.parent, "read_mask": {"paths": ["name"]}}
    )
    assert masked.name
    assert not masked.pipeline_spec


@pytest.mark.usefixtures("told")
def test_only_a_job_that_ended_can_be_deleted(
    service: GoogleService, clients: GoogleClients, job: PipelineJob
) -> None:
    submit(clients, job)
    name = clients.location.job("a-job")
    with pytest.raises(BadRequest):
        clients.pipelines.delete_pipeline_job(name=name)
    service.job().set_state("SUCCEEDED")
    clients.pipelines.delete_pipeline_job(name=name).result(timeout=30)
    with pytest.raises(NotFound):
        get(clients)
