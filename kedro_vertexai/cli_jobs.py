"""The `kedro vertexai` commands that speak of jobs which are there already."""

from __future__ import annotations

import json
import webbrowser
from typing import TYPE_CHECKING, Any

import click

from kedro_vertexai.cli_options import params_option, submission_options, take_submission
from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from kedro_vertexai.rerun import Again

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/PipelineState
_STATES = (
    "queued",
    "pending",
    "running",
    "succeeded",
    "failed",
    "cancelling",
    "cancelled",
    "paused",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, in one line.")
_YES = click.option("--yes", "-y", is_flag=True, help="Ask nothing.")


@click.command("list-pipelines")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(_STATES, case_sensitive=False),
    help="Only jobs in this state. Repeatable.",
)
@click.option(
    "--label", "labels", multiple=True, help="Only jobs with this label, as key=value. Repeatable."
)
@click.option("--age", default="", help="Only jobs no older than this, as 7d, 12h or 30m.")
@click.option("--all", "everything", is_flag=True, help="Also jobs of other Kedro projects.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most."
)
@_JSON
@click.pass_obj
def list_pipelines(
    obj: dict[str, Any], /, states: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """List the recent jobs of this project on Vertex AI, the newest first."""
    from kedro_vertexai.job_report import job_json, jobs_table
    from kedro_vertexai.jobs import Wanted, jobs_of_project, recent_jobs

    jobs = jobs_of_project(obj["path"], obj["env"])
    found = recent_jobs(jobs, Wanted(states=[state.upper() for state in states], **options))
    if as_json:
        click.echo(json.dumps([job_json(jobs, job) for job in found]))
    elif found:
        for line in jobs_table(jobs, found):
            click.echo(line)
    else:
        click.echo("no such jobs", err=True)


@click.command("status")
@click.argument("job")
@click.option(
    "-f", "--follow", is_flag=True, help="Follow it to its end; exit code 0 only if it succeeds."
)
@_JSON
@click.pass_context
def status(ctx: click.Context, job: str, follow: bool, as_json: bool) -> None:
    """Show JOB on Vertex AI: its state, tasks, errors, outputs and MLflow run.

    JOB is its id, the beginning of just one of this project's, or `latest`.
    """
    from kedro_vertexai.job_report import status_json, status_text
    from kedro_vertexai.jobs import jobs_of_project

    if follow and as_json:
        raise click.UsageError("--json tells of one moment: it excludes --follow")
    jobs = jobs_of_project(ctx.obj["path"], ctx.obj["env"])
    if follow:
        from kedro_vertexai.follow_job import come_back

        ctx.exit(come_back(jobs, job))
    found = jobs.find(job)
    if as_json:
        click.echo(json.dumps(status_json(jobs, found)))
        return
    for line in status_text(jobs, found):
        click.echo(line)


@click.command("logs")
@click.argument("job")
@click.argument("task", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the task, or the job, has ended.")
@click.option(
    "--target",
    type=click.Choice(["local", "vertex"]),
    help="Where the job ran. Without it, a job of that name on this machine comes first.",
)
@click.pass_obj
def logs(obj: dict[str, Any], /, **options: Any) -> None:
    """Print what the tasks of JOB, or its TASK alone, have printed.

    JOB is its id, the beginning of just one, or `latest`.
    """
    from kedro_vertexai.job_logs import LogRequest, log_lines

    for line in log_lines(LogRequest(obj["path"], obj["env"], **options)):
        click.echo(line)


@click.command("cancel")
@click.argument("job")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until it has ended, and see that its MLflow run has, too.",
)
@_YES
@click.pass_obj
def cancel(obj: dict[str, Any], job: str, wait: bool, yes: bool) -> None:
    """Cancel JOB on Vertex AI; its MLflow run ends as KILLED.

    JOB is its id, the beginning of just one of this project's, or `latest`.
    """
    from kedro_vertexai.cancel import finish_cancelling, start_cancelling
    from kedro_vertexai.jobs import jobs_of_project

    jobs = jobs_of_project(obj["path"], obj["env"])
    found = jobs.find(job)
    if not (yes or found.has_ended):
        click.confirm(f"Cancel job {found.id}, which is {found.state}?", abort=True)
    start_cancelling(jobs, found)
    click.echo(f"job {found.id} is being cancelled")
    if not wait:
        click.echo(f"its MLflow run: `kedro vertexai cancel {found.id}` once more closes it")
        return
    ended = finish_cancelling(jobs, found)
    if ended.job.state != "CANCELLED":
        raise click.ClickException(f"job {found.id} ended before that: it is {ended.job.state}")
    click.echo(f"job {found.id} is CANCELLED")
    if ended.run:
        click.echo(f"MLflow run {ended.run['id']} is {ended.run['status']}")


@click.command("rerun")
@click.argument("job")
@params_option("New value of a parameter")
@submission_options
@_YES
@click.pass_context
def rerun(ctx: click.Context, /, job: str, params: tuple[str, ...], **options: Any) -> None:
    """Run JOB of Vertex AI once more, with its own spec and settings.

    JOB is its id, the beginning of just one of this project's, or `latest`.
    """
    from kedro_vertexai.jobs import jobs_of_project
    from kedro_vertexai.overrides import parse_overrides
    from kedro_vertexai.rerun import prepare
    from kedro_vertexai.rerun import rerun as run_again
    from kedro_vertexai.run_vertex import VertexOptions

    how = VertexOptions(**take_submission(options))
    jobs = jobs_of_project(ctx.obj["path"], ctx.obj["env"])
    again = prepare(jobs, job, parse_overrides(params))
    warn(again.notes)
    if not how.dry_run:
        _announce(again, asks=how.asks)
    ctx.exit(run_again(jobs, again, how))


def _announce(again: Again, *, asks: bool) -> None:
    """Say what is about to be sent, and ask whether it shall be."""
    if asks:
        click.confirm(f"Run job {again.of} again as {again.id}?", abort=True)
    else:
        click.echo(f"job {again.of} again, as {again.id}")


@click.command("ui")
@click.argument("job", required=False)
@click.pass_obj
def ui(obj: dict[str, Any], job: str | None) -> None:
    """Open the console's page of JOB, or of all jobs.

    JOB is its full id, or `latest`.
    """
    from kedro_vertexai.jobs import page

    link = page(obj["path"], obj["env"], job)
    click.echo(link)
    webbrowser.open_new_tab(link)


COMMANDS = (list_pipelines, status, logs, cancel, rerun, ui)
