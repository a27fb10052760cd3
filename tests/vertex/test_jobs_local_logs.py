"""`kedro vertexai logs` of jobs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from kedro_vertexai.targets.local.results import JobResult, JobState, TaskResult
from project_factory import KedroProject

from kedro_vertexai.job_logs import LogRequest, log_lines
from kedro_vertexai.targets.local.job_file import job_as_json

NewProject = Callable[..., KedroProject]
START = datetime(2026, 1, 2, tzinfo=timezone.utc)
LOGS = {"load": "one\ntwo\n", "train": "three\nwithout an end"}


class Job:
    """A job on this machine, by its record and its logs."""

    def __init__(self, project: KedroProject, name: str = "shop-1") -> None:
        self.path = project.path / ".vertexai" / "jobs" / name
        (self.path / "logs").mkdir(parents=True)
        self.name = name

    def log(self, task: str) -> Path:
        return self.path / "logs" / f"{task}.log"

    def record(self, state: JobState = "SUCCEEDED", pid: int | None = None) -> Job:
        tasks = [TaskResult(name, f"The {name}", log_path=self.log(name)) for name in LOGS]
        silent = TaskResult("input-raw", "input raw")
        job = JobResult(
            job_name=self.name,
            job_id="0",
            state=state,
            path=self.path,
            start=START,
            end=START,
            tasks=(silent, *tasks),
        )
        record: dict[str, Any] = job_as_json(job)
        record["pid"] = pid or record["pid"]
        new = self.path / "new.json"
        new.write_text(json.dumps(record))
        new.replace(self.path / "job.json")
        return self

    def write(self, logs: dict[str, str]) -> Job:
        for name, text in logs.items():
            with self.log(name).open("a") as file:
                file.write(text)
        return self


@pytest.fixture
def project(new_project: NewProject) -> KedroProject:
    return new_project()


@pytest.fixture
def job(project: KedroProject) -> Job:
    return Job(project).write(LOGS).record()


def printed(project: KedroProject, *arguments: str) -> list[str]:
    done = project.invoke("logs", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def refusal(project: KedroProject, *arguments: str) -> str:
    done = project.invoke("logs", *arguments)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def test_all_tasks_each_line_behind_its_task(project: KedroProject, job: Job) -> None:
    assert printed(project, job.name) == [
        "[The load] one",
        "[The load] two",
        "[The train] three",
        "[The train] without an end",
    ]


@pytest.mark.parametrize("task", ["train", "The train"])
def test_one_task_as_the_spec_or_as_the_user_calls_it(
    project: KedroProject, job: Job, task: str
) -> None:
    assert printed(project, job.name, task) == ["three", "without an end"]


def test_a_beginning_is_enough_and_latest_is_asked_for_here(
    project: KedroProject, job: Job
) -> None:
    assert printed(project, "shop", "load") == ["one", "two"]
    assert printed(project, "latest", "load", "--target", "local") == ["one", "two"]


def test_a_job_that_has_ended_is_not_followed_any_further(project: KedroProject, job: Job) -> None:
    assert printed(project, job.name, "train", "--follow") == ["three", "without an end"]


def test_a_job_whose_process_is_gone_is_not_followed(project: KedroProject, job: Job) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    job.record("RUNNING", pid=gone.pid)
    assert printed(project, job.name, "train", "--follow") == ["three", "without an end"]


def test_a_task_without_a_log_prints_nothing(project: KedroProject, job: Job) -> None:
    assert printed(project, job.name, "input-raw") == []


def test_an_unknown_task_is_told_with_those_there_are(project: KedroProject, job: Job) -> None:
    assert refusal(project, job.name, "trian") == (
        "the job has no task 'trian', did you mean 'train'? "
        "(it has: The load, The train, input-raw, load, train)"
    )


def test_a_job_that_is_not_here(project: KedroProject, job: Job) -> None:
    assert refusal(project, "other", "--target", "local") == "no job 'other' on this machine"


def test_a_log_that_is_gone_is_told_in_one_line(project: KedroProject, job: Job) -> None:
    job.log("train").unlink()
    assert "train.log cannot be read: No such file or directory" in refusal(project, job.name)


def test_what_is_printed_while_it_is_followed_comes_once_and_whole(
    project: KedroProject, job: Job
) -> None:
    job.record("RUNNING", pid=os.getpid())
    project.bootstrap()
    lines = log_lines(LogRequest(project.path, "local", job.name, "train", follow=True))
    # The last line may get longer: it is not shown before its end.
    assert next(lines) == "three"
    rest: list[str] = []
    reader = threading.Thread(target=lambda: rest.extend(lines))
    reader.start()
    job.write({"train": " until now\nfour\n"})
    job.record("SUCCEEDED")
    reader.join(30)
    assert rest == ["without an end until now", "four"]
