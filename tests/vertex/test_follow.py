"""What is asked and told of a job while it is followed."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from google_service import GoogleService, Job
from project_factory import KedroProject
from told_jobs import ROOT, ToldJobs

from kedro_vertexai.targets.progress import PlainReporter
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.follow import Follower

LOOKS = 3


@pytest.fixture
def job(service: GoogleService, new_project: Callable[..., KedroProject]) -> Job:
    return ToldJobs(service, new_project()).new("shop-1")


def told(clients: GoogleClients, service: GoogleService, job: Job) -> list[str]:
    """What a job says that succeeds after some looks; nothing is known of it before."""
    end = threading.Event()

    def succeed_after_looks() -> None:
        while len(service.asked("GET", "pipelineJobs/")) < LOOKS and not end.wait(0.05):
            continue
        job.set_state("SUCCEEDED")

    thread = threading.Thread(target=succeed_after_looks)
    thread.start()
    said = io.StringIO()
    try:
        message = Follower(clients, job.id, timeout=60).until_end(PlainReporter(said))
    finally:
        end.set()
        thread.join()
    assert message.runtime_config.gcs_output_directory == ROOT
    return [line.partition(" ")[2] for line in said.getvalue().splitlines()]


def test_a_job_without_tasks_begins_once(
    clients: GoogleClients, service: GoogleService, job: Job
) -> None:
    lines = told(clients, service, job)
    assert [line.partition(",")[0] for line in lines[:1]] == ["job shop-1: 0 tasks"]
    assert len(lines) == 2


def test_the_pipeline_itself_is_no_task(
    clients: GoogleClients, service: GoogleService, job: Job
) -> None:
    job.start()
    job.set_task(job.id, "RUNNING", is_root=True)
    lines = told(clients, service, job)
    assert lines[0].startswith("job shop-1: 0 tasks")
    assert not any(line.startswith("shop-1:") for line in lines)


def test_only_the_last_look_asks_for_the_whole_job(
    clients: GoogleClients, service: GoogleService, job: Job
) -> None:
    told(clients, service, job)
    *looks, last = service.asked("GET", "pipelineJobs/")
    assert len(looks) >= LOOKS
    for look in looks:
        fields = look.headers["x-goog-fieldmask"].split(",")
        assert "jobDetail.taskDetails.state" in fields
        assert not any(field.startswith("pipelineSpec") for field in fields)
    assert "x-goog-fieldmask" not in last.headers
