"""Two commands at once make one schedule of a pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from google_service.web import Request
from project_factory import KedroProject

CRONS = ("0 1 * * *", "0 2 * * *")


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    service.settings.execute = False
    return new_project(run_config={"root": bucket.root.removeprefix("gs://")})


def scheduling(project: KedroProject, cron: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "schedule", "--no-check", "--yes", "-c", cron],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_of_two_commands_at_once_the_first_one_makes_it(
    project: KedroProject, service: GoogleService
) -> None:
    # Neither is answered before both have asked: each has seen that there is no schedule, and
    # neither looks again before both schedules are there.
    both = threading.Barrier(2, timeout=120)
    respond = service.respond

    def together(request: Request) -> Any:
        if request.method != "POST" or not request.path.endswith("/schedules"):
            return respond(request)
        both.wait()
        answer = respond(request)
        both.wait()
        return answer

    service.listen(together)
    processes = [scheduling(project, cron) for cron in CRONS]
    told = [process.communicate(timeout=300) for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1], told
    (left,) = service.schedules.all()
    assert left.cron.endswith(CRONS[codes.index(0)])
    (line,) = told[codes.index(1)][1].splitlines()
    assert line.startswith(f"Error: another command has made schedule '{project.package}'")


def beside(service: GoogleService, do: Callable[[Request], Any]) -> None:
    """Have something done when a schedule is made."""
    respond = service.respond

    def both(request: Request) -> Any:
        if request.method == "POST" and request.path.endswith("/schedules"):
            return do(request)
        return respond(request)

    service.listen(both)


def test_an_earlier_one_of_another_command_stays_and_ours_is_deleted(
    project: KedroProject, service: GoogleService
) -> None:
    respond = service.respond

    def make_two(request: Request) -> Any:
        respond(request)
        return respond(request)

    beside(service, make_two)
    done = project.invoke("schedule", "--no-check", "-c", CRONS[0])
    assert done.exit_code == 1
    assert "run the command again to change that one" in done.stderr
    (left,) = service.schedules.all()
    (deleted,) = service.asked("DELETE", "schedules/")
    assert not deleted.path.endswith(left.name)


def test_ours_stays_where_it_is_the_earlier_one(
    project: KedroProject, service: GoogleService
) -> None:
    respond = service.respond

    def make_two(request: Request) -> Any:
        ours = respond(request)
        respond(request)
        return ours

    beside(service, make_two)
    done = project.invoke("schedule", "--no-check", "-c", CRONS[0])
    assert done.exit_code == 0, done.output
    assert service.asked("DELETE", "schedules/") == []


def test_a_schedule_is_there_though_others_cannot_be_looked_for(
    project: KedroProject, service: GoogleService
) -> None:
    respond = service.respond

    def make_and_close(request: Request) -> Any:
        service.fail("GET", "schedules$", status=403)
        return respond(request)

    beside(service, make_and_close)
    done = project.invoke("schedule", "--no-check", "-c", CRONS[0])
    assert done.exit_code == 0, done.output
    assert "whether another command has made a schedule at the same time is unknown" in done.stderr
    assert "created" in done.stdout
