"""`kedro vertexai rerun`: a job once more, as it was but for what is asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest
from google.protobuf.json_format import MessageToDict
from google_service import GoogleService, Job
from project_factory import IMAGE, KedroProject
from told_jobs import ROOT, ToldJobs

NODES = """
def report(start, title):
    print(f"{title} is {start}")
    return start

NODES = [node(report, ["params:start", "params:title"], "reported", name="report.it")]
"""
PARAMETERS = {"start": 1, "title": "x"}
SETTINGS: dict[str, Any] = {
    "display_name": "A shop",
    "labels": {"team": "blue", "vertex-ai-pipelines-run-billing-id": "123"},
    "service_account": "pipelines@my-project.iam.gserviceaccount.com",
    "network": "projects/123/global/networks/shop",
    "reserved_ip_ranges": ["range-1"],
    "encryption_spec": {
        "kms_key_name": "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
    },
    "runtime_config": {
        "gcs_output_directory": ROOT,
        "parameter_values": {"start": 5},
        "failure_policy": "PIPELINE_FAILURE_POLICY_FAIL_FAST",
    },
}


@pytest.fixture
def jobs(service: GoogleService, new_project: Callable[..., KedroProject]) -> ToldJobs:
    return ToldJobs(service, new_project(nodes=NODES, parameters=PARAMETERS))


def data(job: Job) -> dict[str, Any]:
    """What was asked for: the job without what the service adds."""
    message = MessageToDict(job.message())
    added = ("name", "state", "createTime", "startTime", "endTime", "updateTime", "jobDetail")
    return {key: value for key, value in message.items() if key not in (*added, "error")}


def again(jobs: ToldJobs, *options: str) -> Job:
    """The new job."""
    lines = jobs.printed("rerun", "shop-1", "--yes", "--no-check", *options)
    job = jobs.service.jobs[-1]
    assert lines[:2] == [f"job shop-1 again, as {job.id}", f"job {job.id} submitted"]
    assert lines[2].startswith("https://console.cloud.google.com/")
    return job


def test_everything_is_as_it_was(jobs: ToldJobs) -> None:
    first = jobs.new("shop-1", **SETTINGS)
    first.start()
    first.set_state("FAILED", "it broke")
    second = again(jobs)
    # What a service says of a job is not asked for.
    sent = jobs.service.asked("POST", "pipelineJobs$")[-1].body
    assert not {"name", "state", "error", "jobDetail", "createTime", "endTime"} & set(sent)
    assert second.id.startswith(f"{first.spec['pipelineInfo']['name']}-")
    assert second.state == "PENDING"
    before, after = data(first), data(second)
    # The service sets this label itself.
    before["labels"].pop("vertex-ai-pipelines-run-billing-id")
    assert after == before
    assert after["runtimeConfig"]["failurePolicy"] == "PIPELINE_FAILURE_POLICY_FAIL_FAST"
    assert after["serviceAccount"] == SETTINGS["service_account"]


def test_only_what_is_given_changes(jobs: ToldJobs) -> None:
    first = jobs.new("shop-1", **SETTINGS)
    second = again(jobs, "--params", "title=y z")
    before, after = data(first), data(second)
    assert after["runtimeConfig"].pop("parameterValues") == {"start": 5, "title": "y z"}
    assert before["runtimeConfig"].pop("parameterValues") == {"start": 5}
    assert after["pipelineSpec"] == before["pipelineSpec"]


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("strat=2", "strat: the job's spec takes no such parameter, did you mean 'start'?"),
        ("start=soon", "start: must be of type NUMBER_INTEGER, not 'soon'"),
        ("start", "write it as key=value"),
    ],
)
def test_a_value_that_the_spec_does_not_take_sends_nothing(
    jobs: ToldJobs, pair: str, words: str
) -> None:
    jobs.new("shop-1")
    assert words in jobs.refusal("rerun", "shop-1", "--params", pair, "--yes")
    assert [job.id for job in jobs.service.jobs] == ["shop-1"]


def test_it_asks_before(jobs: ToldJobs) -> None:
    jobs.new("shop-1")
    done = jobs.project.invoke("rerun", "shop-1")
    assert done.exit_code == 1
    assert "Run job shop-1 again as " in done.output
    assert len(jobs.service.jobs) == 1


def test_no_second_job_where_the_answer_is_lost(jobs: ToldJobs) -> None:
    jobs.new("shop-1")
    jobs.service.fail("POST", "pipelineJobs$", reset=True, after=True)
    again(jobs)
    assert len(jobs.service.jobs) == 2


def test_what_would_keep_it_from_running_is_told_before_it_is_sent(jobs: ToldJobs) -> None:
    jobs.new("shop-1", **SETTINGS)
    done = jobs.project.invoke("rerun", "shop-1", "--yes")
    assert done.exit_code == 1
    assert f"image {IMAGE} does not exist in its registry" in done.stderr
    assert len(jobs.service.jobs) == 1


def test_its_own_bucket_and_service_account_are_checked(
    service: GoogleService,
    new_project: Callable[..., KedroProject],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    # The file says others by now.
    run_config = {"root": "another-bucket", "service_account": "another@p.iam.gserviceaccount.com"}
    jobs = ToldJobs(service, new_project(nodes=NODES, parameters=PARAMETERS, run_config=run_config))
    service.images.push(IMAGE, jobs.project.path)
    jobs.new("shop-1", **SETTINGS)
    jobs.printed("rerun", "shop-1", "--yes")
    asked = " ".join(one.path for one in service.requests)
    assert "/b/my-bucket" in asked
    assert SETTINGS["service_account"] in asked
    assert "another" not in asked


def test_it_is_a_run_of_the_experiment(
    service: GoogleService, new_project: Callable[..., KedroProject]
) -> None:
    run_config = {"experiment_name": "trees"}
    jobs = ToldJobs(service, new_project(nodes=NODES, parameters=PARAMETERS, run_config=run_config))
    jobs.new("shop-1")
    service.settings.execute = True
    again(jobs)
    (asked,) = service.asked("POST", ":addContextChildren$")
    assert asked.path.endswith("contexts/trees:addContextChildren")


@pytest.mark.slow
def test_it_really_runs_with_the_new_value(
    service: GoogleService, new_project: Callable[..., KedroProject], bucket: Bucket
) -> None:
    project = new_project(nodes=NODES, parameters=PARAMETERS, catalog="{}")
    service.images.push(IMAGE, project.path)
    jobs = ToldJobs(service, project)
    jobs.new("shop-1", runtime_config={"gcs_output_directory": bucket.root})
    service.settings.execute = True
    lines = jobs.printed(
        "rerun", "shop-1", "--params", "start=7", "--params", "title=It", "--yes", "--wait"
    )
    job = service.jobs[-1]
    assert any(line.endswith("report.it: RUNNING") for line in lines)
    assert job.state == "SUCCEEDED"
    assert any(line.startswith(f"Job {job.id}: SUCCEEDED") for line in lines)
    assert "It is 7" in [entry["jsonPayload"]["message"] for entry in job.logs.entries()]


def test_a_dry_run_prints_the_request_and_submits_nothing(jobs: ToldJobs) -> None:
    first = jobs.new("shop-1", **SETTINGS)
    done = jobs.project.invoke("rerun", "shop-1", "--params", "title=y", "--dry-run")
    assert done.exit_code == 0, done.output
    request = json.loads(done.stdout)
    CreatePipelineJobRequest.from_json(done.stdout)
    assert request["pipelineJobId"].startswith(f"{first.spec['pipelineInfo']['name']}-")
    assert request["pipelineJob"]["pipelineSpec"] == data(first)["pipelineSpec"]
    values = request["pipelineJob"]["runtimeConfig"]["parameterValues"]
    assert values == {"start": 5, "title": "y"}
    assert [job.id for job in jobs.service.jobs] == ["shop-1"]
    assert {asked.method for asked in jobs.service.requests[1:]} == {"GET"}


@pytest.mark.parametrize(("on_timeout", "state"), [("leave", "PENDING"), ("cancel", "CANCELLED")])
def test_it_is_followed_no_longer_than_told(jobs: ToldJobs, on_timeout: str, state: str) -> None:
    jobs.new("shop-1")
    end = threading.Event()

    def cancel_when_asked() -> None:
        while not end.wait(0.05):
            if jobs.service.jobs[-1].state == "CANCELLING":
                jobs.service.jobs[-1].set_state("CANCELLED")

    thread = threading.Thread(target=cancel_when_asked)
    thread.start()
    try:
        how = ("--wait", "--timeout", "0.5", "--on-timeout", on_timeout)
        done = jobs.project.invoke("rerun", "shop-1", "--yes", "--no-check", *how)
    finally:
        end.set()
        thread.join()
    assert done.exit_code == 124, done.output
    assert "has not ended within 0.5 s" in done.stderr
    assert jobs.service.jobs[-1].state == state


@pytest.mark.parametrize(
    "options", [("--timeout", "3"), ("--on-timeout", "cancel"), ("--wait", "--on-timeout", "leave")]
)
def test_options_that_mean_nothing_together_are_refused(
    jobs: ToldJobs, options: tuple[str, ...]
) -> None:
    done = jobs.project.invoke("rerun", "shop-1", *options)
    assert done.exit_code == 2
    assert "Error: --" in done.stderr
    assert jobs.service.requests == []
