"""Following a job on a terminal: what is shown, and what Ctrl-C is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from google_service import GoogleService
from project_factory import KedroProject
from terminal import CTRL_C, Terminal, on_terminal

NODES = """
NODES = [
    node(first, "params:start", "started", name="make.it"),
    node(first, "started", "ended", name="end"),
]
"""
QUESTION = r"Leave it running, cancel it, or go on waiting"


@pytest.fixture
def project(new_project: Callable[..., KedroProject], service: GoogleService) -> KedroProject:
    """One whose jobs run nothing."""
    service.settings.execute = False
    return new_project(nodes=NODES, parameters={"start": 1})


def following(project: KedroProject, *options: str) -> AbstractContextManager[Terminal]:
    return on_terminal(project.path, "run-once", "--no-check", "--wait", *options)


def interrupt(terminal: Terminal) -> None:
    """Press Ctrl-C once the job is followed."""
    terminal.expect(r"2 pending")
    terminal.type(CTRL_C)
    terminal.expect(QUESTION)


def test_a_table_shows_the_tasks_and_the_end_sums_up(
    project: KedroProject, service: GoogleService
) -> None:
    with following(project) as terminal:
        terminal.expect("2 pending")
        job = service.job()
        job.start()
        job.set_task("make-it", "RUNNING")
        terminal.expect(r"make\.it +RUNNING +1 +\d+\.\d s")
        job.set_task("make-it", "SUCCEEDED")
        job.set_task("end", "RUNNING")
        terminal.expect(r"make\.it +SUCCEEDED +1 +\d+\.\d s")
        terminal.expect(r"1 running, 1 succeeded")
        job.set_task("end", "SUCCEEDED")
        job.set_state("SUCCEEDED")
        assert terminal.exit_code() == 0
        summary = terminal.text.rpartition(f"Job {job.id}: SUCCEEDED")[2]
    assert re.search(r"make-it +SUCCEEDED", summary)
    assert re.search(r"end +SUCCEEDED", summary)


@pytest.mark.parametrize("answer", ["leave\n", "\n", CTRL_C])
def test_ctrl_c_can_leave_the_job_running(
    project: KedroProject, service: GoogleService, answer: str
) -> None:
    with following(project) as terminal:
        interrupt(terminal)
        terminal.type(answer)
        assert terminal.exit_code() == 130
        assert f"job {service.job().id} goes on" in terminal.text
    assert not service.asked("POST", ":cancel$")


def test_ctrl_c_can_cancel_the_job(project: KedroProject, service: GoogleService) -> None:
    with following(project) as terminal:
        interrupt(terminal)
        terminal.type("cancel\n")
        terminal.expect("is being cancelled")
        job = service.job()
        assert job.state == "CANCELLING"
        job.set_state("CANCELLED")
        assert terminal.exit_code() == 130
        assert f"job {job.id} is CANCELLED" in terminal.text


def test_ctrl_c_can_go_on_waiting(project: KedroProject, service: GoogleService) -> None:
    with following(project) as terminal:
        interrupt(terminal)
        terminal.type("wait\n")
        looks = len(service.asked("GET", "pipelineJobs/"))
        terminal.wait(lambda: len(service.asked("GET", "pipelineJobs/")) > looks)
        service.job().set_state("SUCCEEDED")
        assert terminal.exit_code() == 0
        assert f"Job {service.job().id}: SUCCEEDED" in terminal.text
    assert not service.asked("POST", ":cancel$")


def test_ctrl_c_while_the_job_is_cancelled_says_what_goes_on(
    project: KedroProject, service: GoogleService
) -> None:
    with following(project) as terminal:
        interrupt(terminal)
        terminal.type("cancel\n")
        terminal.expect("is being cancelled")
        terminal.type(CTRL_C)
        assert terminal.exit_code() == 130
        assert f"`kedro vertexai status {service.job().id}`" in terminal.text
        assert "Traceback" not in terminal.text


def test_ctrl_c_while_the_job_is_sent_names_the_job(
    project: KedroProject, service: GoogleService
) -> None:
    service.fail("POST", "pipelineJobs$", delay=5)
    with following(project) as terminal:
        terminal.wait(lambda: bool(service.jobs), "job")
        terminal.type(CTRL_C)
        assert terminal.exit_code() == 130
        lines = terminal.text.splitlines()
    (line,) = [line for line in lines if "interrupted while" in line]
    assert f"`kedro vertexai status {service.job().id}`" in line
    assert "Traceback" not in "".join(lines)


def test_time_is_up_and_the_job_is_cancelled(project: KedroProject, service: GoogleService) -> None:
    with following(project, "--timeout", "1", "--on-timeout", "cancel") as terminal:
        terminal.expect("is being cancelled")
        service.job().set_state("CANCELLED")
        assert terminal.exit_code() == 124
        assert "has not ended within 1 s" in terminal.text
