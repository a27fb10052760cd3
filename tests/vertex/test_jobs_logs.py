"""`kedro vertexai logs` of jobs on Vertex AI: what Cloud Logging has of their containers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from google_service import GoogleService, Job
from project_factory import KedroProject
from told_jobs import ToldJobs

from kedro_vertexai.job_logs import LogRequest, log_lines
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.logs import task_log

NODES = """
NODES = [
    node(first, "params:start", "started", name="start"),
    node(first, "started", "ended", name="end"),
]
"""


@pytest.fixture
def jobs(service: GoogleService, new_project: Callable[..., KedroProject]) -> ToldJobs:
    return ToldJobs(service, new_project(nodes=NODES, parameters={"start": 1}))


@pytest.fixture
def job(jobs: ToldJobs) -> Job:
    """One that runs two tasks, of which each has printed something."""
    made = jobs.new("shop-1")
    made.start()
    for task in ("start", "end"):
        made.set_task(task, "RUNNING")
        say(made, task, f"{task} says hello")
    return made


def say(job: Job, task: str, *lines: str) -> None:
    for line in lines:
        job.logs.write(job.custom_job_id(task), line)


def end(job: Job) -> None:
    for task in ("start", "end"):
        job.set_task(task, "SUCCEEDED")
    job.set_state("SUCCEEDED")


def test_all_tasks_each_line_behind_its_task(jobs: ToldJobs, job: Job) -> None:
    assert jobs.printed("logs", "shop-1") == ["[start] start says hello", "[end] end says hello"]
    assert jobs.printed("logs", "latest", "end") == ["end says hello"]


def test_a_task_may_be_called_as_its_node_is(jobs: ToldJobs, job: Job) -> None:
    for name in ("End", "end."):
        assert jobs.printed("logs", "shop-1", name) == ["end says hello"]
    assert "no task 'the.end'" in jobs.refusal("logs", "shop-1", "the.end")


def test_all_attempts_of_a_task(jobs: ToldJobs, job: Job) -> None:
    job.set_task("end", "RUNNING", attempt=2)
    say(job, "end", "once more")
    assert jobs.printed("logs", "shop-1", "end") == ["end says hello", "once more"]


def test_more_than_a_page(jobs: ToldJobs, job: Job) -> None:
    lines = [f"line {number}" for number in range(1100)]
    say(job, "end", *lines)
    assert jobs.printed("logs", "shop-1", "end")[1:] == lines


def test_an_unknown_task_is_told_with_those_there_are(jobs: ToldJobs, job: Job) -> None:
    assert jobs.refusal("logs", "shop-1", "strat") == (
        "the job has no task 'strat', did you mean 'start'? (it has: end, start)"
    )


def test_followed_lines_come_once_until_the_task_has_ended(jobs: ToldJobs, job: Job) -> None:
    jobs.project.bootstrap()
    lines = log_lines(LogRequest(jobs.project.path, "local", "shop-1", "end", follow=True))
    assert next(lines) == "end says hello"
    rest: list[str] = []
    reader = threading.Thread(target=lambda: rest.extend(lines))
    reader.start()
    say(job, "end", "the same", "the same")
    say(job, "start", "not asked for")
    job.set_task("end", "SUCCEEDED")
    say(job, "end", "late")
    reader.join(60)
    assert rest == ["the same", "the same", "late"]


def test_a_job_is_followed_through_tasks_that_come_later(jobs: ToldJobs) -> None:
    job = jobs.new("shop-1")
    jobs.project.bootstrap()
    lines = log_lines(LogRequest(jobs.project.path, "local", "shop-1", follow=True))
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.extend(lines))
    reader.start()
    job.start()
    job.set_task("start", "RUNNING")
    say(job, "start", "one")
    job.set_task("start", "SUCCEEDED")
    job.set_task("end", "RUNNING")
    say(job, "end", "two")
    end(job)
    reader.join(60)
    assert found == ["[start] one", "[end] two"]


def test_a_job_that_ends_without_the_task_is_an_error(jobs: ToldJobs, job: Job) -> None:
    jobs.project.bootstrap()
    lines = log_lines(LogRequest(jobs.project.path, "local", "shop-1", "never", follow=True))
    failed: list[BaseException] = []

    def read() -> None:
        try:
            list(lines)
        except Exception as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    end(job)
    reader.join(60)
    assert "the job has no task 'never'" in str(failed[0])


def test_a_failure_that_passes_is_not_seen(jobs: ToldJobs, job: Job) -> None:
    jobs.service.fail("POST", "entries:list$", status=503)
    assert jobs.printed("logs", "shop-1", "end") == ["end says hello"]


def test_a_refusal_is_one_line(jobs: ToldJobs, job: Job) -> None:
    jobs.service.fail("POST", "entries:list$", status=403)
    assert "denie" in jobs.refusal("logs", "shop-1", "end")


def test_the_last_lines_of_the_last_attempt(
    jobs: ToldJobs, job: Job, clients: GoogleClients
) -> None:
    job.set_task("end", "RUNNING", attempt=2)
    say(job, "end", "one", "two", "three")
    message = clients.pipelines.get_pipeline_job(name=clients.location.job("shop-1"))
    details = {task.task_name: task for task in message.job_detail.task_details}
    assert task_log(clients, message, details["end"], lines=2) == ["two", "three"]
    assert task_log(clients, message, details["end"]) == ["one", "two", "three"]
    # The pipeline as a whole has no container.
    assert task_log(clients, message, details["shop-1"]) == []
