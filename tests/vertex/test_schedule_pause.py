"""A paused schedule stays paused, whatever becomes of the command that changes it.

Nobody promises that an update leaves a paused schedule so: this service starts it again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from google_service.web import Request
from project_factory import IMAGE, KedroProject

DAILY = ("-c", "0 3 * * *", "--yes", "--no-check")
ACTIVE, PAUSED = 1, 2


@pytest.fixture
def paused(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    """A project with a schedule that is paused."""
    service.settings.execute = False
    service.schedules.update_resumes = True
    project = new_project(run_config={"root": bucket.root.removeprefix("gs://")})
    service.images.push(IMAGE, project.path)
    run(project, "--no-check")
    run(project, "--pause")
    return project


def run(project: KedroProject, *arguments: str) -> str:
    done = project.invoke("schedule", *arguments)
    assert done.exit_code == 0, done.output
    return done.output


def state(service: GoogleService) -> int:
    (schedule,) = service.schedules.all()
    return int(schedule.state)


def changing(project: KedroProject) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "schedule", *DAILY],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_after_the_update(
    service: GoogleService, project: KedroProject, number: signal.Signals
) -> tuple[int, str]:
    """Send a signal to the command when its update has been carried out; its exit code and words.

    Its answer is held back until then.
    """
    respond = service.respond
    processes: list[subprocess.Popen[str]] = []

    def carry_out_and_end(request: Request) -> Any:
        answered = respond(request)
        if request.method == "PATCH":
            processes[0].send_signal(number)
            if number == signal.SIGKILL:
                processes[0].wait(60)
        return answered

    service.listen(carry_out_and_end)
    processes.append(changing(project))
    _, said = processes[0].communicate(timeout=120)
    service.listen(respond)
    return processes[0].returncode, said


@pytest.mark.slow
def test_an_interrupt_after_the_update_leaves_it_paused(
    paused: KedroProject, service: GoogleService
) -> None:
    service.fail("PATCH", "schedules/", delay=3)
    code, said = end_after_the_update(service, paused, signal.SIGINT)
    assert code != 0
    assert "Traceback" not in said
    assert state(service) == PAUSED


@pytest.mark.slow
def test_a_kill_after_the_update_is_made_good_by_the_next_command(
    paused: KedroProject, service: GoogleService
) -> None:
    code, _ = end_after_the_update(service, paused, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert state(service) == ACTIVE
    told = run(paused, *DAILY)
    assert "state: ACTIVE -> PAUSED, since it was paused and nobody has resumed it" in told
    assert "still paused" in told
    assert state(service) == PAUSED
    assert "nothing to change" in run(paused, *DAILY)


def lose_the_pause(service: GoogleService) -> None:
    """Leave the schedule as a killed command does."""
    (schedule,) = service.schedules._schedules.values()
    schedule.state = ACTIVE


def test_one_that_lost_its_pause_is_paused_with_other_changes(
    paused: KedroProject, service: GoogleService
) -> None:
    lose_the_pause(service)
    assert "cron: " in run(paused, *DAILY)
    assert state(service) == PAUSED


def test_the_list_warns_of_one_that_lost_its_pause(
    paused: KedroProject, service: GoogleService
) -> None:
    words = "runs, though it was paused and nobody has resumed it"
    assert words not in run(paused, "--list")
    lose_the_pause(service)
    assert words in run(paused, "--list")
    run(paused, "--pause")
    assert state(service) == PAUSED
    assert words not in run(paused, "--list")


def test_who_resumes_it_has_it_running(paused: KedroProject, service: GoogleService) -> None:
    lose_the_pause(service)
    run(paused, "--resume")
    assert state(service) == ACTIVE
    assert "runs, though" not in run(paused, "--list")
    run(paused, *DAILY)
    assert state(service) == ACTIVE


def test_an_update_that_is_refused_leaves_it_paused(
    paused: KedroProject, service: GoogleService
) -> None:
    service.fail("PATCH", "schedules/", status=403, after=True)
    done = paused.invoke("schedule", *DAILY)
    assert done.exit_code == 1
    assert "Error: Vertex AI in project" in done.stderr
    assert state(service) == PAUSED
