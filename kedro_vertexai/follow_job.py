"""Stays with a job of Vertex AI until it ends, and tells what came of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import click

from kedro_vertexai.cancel import finish_cancelling, start_cancelling
from kedro_vertexai.errors import VertexAIError
from kedro_vertexai.job_report import status_text
from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.targets.progress import make_reporter
from kedro_vertexai.targets.vertex.follow import Follower, TimeIsUpError, tasks_of
from kedro_vertexai.targets.vertex.job_record import job_record
from kedro_vertexai.targets.vertex.jobs import find_message
from kedro_vertexai.targets.vertex.logs import task_log
from kedro_vertexai.targets.vertex.rerun import spec_of
from kedro_vertexai.targets.vertex.spec_tasks import task_titles

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

OnTimeout = Literal["leave", "cancel"]

# Exit codes. The first two are what `timeout` and a shell have for the same:
# https://www.gnu.org/software/coreutils/manual/html_node/timeout-invocation.html
TIMED_OUT, INTERRUPTED, FAILED = 124, 130, 1
_LOG_LINES = 20


@dataclass(frozen=True)
class Following:
    """How a job is followed.

    Args:
        titles: the user's own names of tasks by those of the spec.
        expected: names of tasks that will run.
        timeout: seconds to wait, None for as long as it takes.
        on_timeout: what becomes of the job then.
        asks: whether an interrupt is a question; otherwise the job is left running.
    """

    titles: Mapping[str, str] = field(default_factory=dict)
    expected: Sequence[str] = ()
    timeout: float | None = None
    on_timeout: OnTimeout = "leave"
    asks: bool = True


def follow_job(jobs: JobsOfProject, job_id: str, how: Following | None = None) -> int:
    """Follow a job to its end and print what came of it; return the exit code.

    0 is for a job that succeeded and for no other.

    Raises:
        RunError: Vertex AI no longer tells; the job goes on.
    """
    how = how or Following()
    follower = Follower(jobs.clients, job_id, how.titles, how.expected, how.timeout)
    while True:
        try:
            job = follower.until_end(make_reporter(sys.stdout))
            break
        except TimeIsUpError:
            return _on_timeout(jobs, job_id, how)
        except KeyboardInterrupt:
            wish = _ask(job_id) if how.asks and sys.stdin.isatty() else "leave"
            if wish == "leave":
                _left(job_id)
                return INTERRUPTED
            if wish == "cancel":
                _cancel(jobs, job_id)
                return INTERRUPTED
    _print_end(jobs, job, how.titles)
    return 0 if job_record(job).state == "SUCCEEDED" else FAILED


def come_back(jobs: JobsOfProject, text: str) -> int:
    """Follow a job that is there already; return the exit code.

    Args:
        jobs: of the project.
        text: the job, see `find_job`.

    Raises:
        RunError: there is no such job, or Vertex AI no longer tells of it.
    """
    message = find_message(jobs.clients, text, jobs.label)
    titles = task_titles(spec_of(message))
    return follow_job(jobs, job_record(message).id, Following(titles, tuple(titles)))


def _ask(job_id: str) -> str:
    """What an interrupt meant; another one means to leave."""
    click.echo(f"\njob {job_id} is running on Vertex AI")
    try:
        return str(
            click.prompt(
                "Leave it running, cancel it, or go on waiting",
                type=click.Choice(["leave", "cancel", "wait"]),
                default="leave",
            )
        )
    except click.Abort:
        return "leave"


def _left(job_id: str) -> None:
    click.echo(
        f"job {job_id} goes on; `kedro vertexai status {job_id} --follow` waits for it again, "
        f"`kedro vertexai cancel {job_id}` ends it",
        err=True,
    )


def _on_timeout(jobs: JobsOfProject, job_id: str, how: Following) -> int:
    click.echo(f"job {job_id} has not ended within {how.timeout:g} s", err=True)
    if how.on_timeout == "leave":
        _left(job_id)
    else:
        _cancel(jobs, job_id)
    return TIMED_OUT


def _cancel(jobs: JobsOfProject, job_id: str) -> None:
    """Cancel the job and wait until it has ended, its MLflow run too, or until an interrupt."""
    try:
        _cancel_and_wait(jobs, job_id)
    except KeyboardInterrupt:
        click.echo(
            f"interrupted while job {job_id} was cancelled: "
            f"`kedro vertexai status {job_id}` tells how it does, "
            f"`kedro vertexai cancel {job_id}` cancels it again and ends its MLflow run",
            err=True,
        )


def _cancel_and_wait(jobs: JobsOfProject, job_id: str) -> None:
    job = jobs.find(job_id)
    start_cancelling(jobs, job)
    click.echo(f"job {job_id} is being cancelled")
    ended = finish_cancelling(jobs, job)
    click.echo(f"job {job_id} is {ended.job.state}")
    if ended.run:
        click.echo(f"MLflow run {ended.run['id']} is {ended.run['status']}")


def _print_end(jobs: JobsOfProject, job: PipelineJob, titles: Mapping[str, str]) -> None:
    click.echo()
    for line in status_text(jobs, job_record(job)):
        click.echo(line)
    for line in _failures(jobs, job, titles):
        click.echo(line)


def _failures(jobs: JobsOfProject, job: PipelineJob, titles: Mapping[str, str]) -> Iterator[str]:
    """The last lines of what each failed task has printed."""
    for task in tasks_of(job):
        if task.state.name != "FAILED":
            continue
        title = titles.get(task.task_name, task.task_name)
        try:
            lines = task_log(jobs.clients, job, task, lines=_LOG_LINES)
        except VertexAIError as error:
            yield f"\nThe log of {title} cannot be read: {error}"
            continue
        if lines:
            yield f"\nThe last lines of {title}"
            yield from (f"  {line}" for line in lines)
