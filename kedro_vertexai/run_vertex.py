"""`kedro vertexai run-once` on Vertex AI: stage, submit, and follow if asked to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from kedro_vertexai.compiler import Compiled, notes_for_vertex, staging_root
from kedro_vertexai.errors import RunError
from kedro_vertexai.follow_job import INTERRUPTED, Following, OnTimeout, follow_job
from kedro_vertexai.git_state import git_state
from kedro_vertexai.job_request import job_request
from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.plan.model import FINISH_RUN, START_RUN, Plan
from kedro_vertexai.plan.pin import pin_images
from kedro_vertexai.preflight_command import check_request
from kedro_vertexai.stage import stage
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.console import job_page
from kedro_vertexai.targets.vertex.errors import explained, google_errors
from kedro_vertexai.targets.vertex.experiment import attach_job, ensure_experiment
from kedro_vertexai.targets.vertex.names import label_value, new_job_id, resource_id
from kedro_vertexai.targets.vertex.request import as_json, create_request
from kedro_vertexai.targets.vertex.retry import Patience
from kedro_vertexai.targets.vertex.submit import submit_job
from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest


@dataclass(frozen=True)
class VertexOptions:
    """What `run-once` was told.

    Args:
        wait: follow the job to its end.
        timeout: seconds to follow it, None for as long as it takes.
        on_timeout: what becomes of it then.
        dry_run: print the request and send nothing.
        asks: whether the user may be asked something.
        check: make the pre-flight first.
    """

    wait: bool = False
    timeout: float | None = None
    on_timeout: OnTimeout = "leave"
    dry_run: bool = False
    asks: bool = True
    check: bool = True


def run_vertex(compiled: Compiled, options: VertexOptions) -> int:
    """Run the plan on Vertex AI; return the exit code.

    Without `wait` 0 says that the job was taken, with it that the job succeeded.

    Raises:
        VertexAIError: the job cannot be made; there is none, or the message says otherwise.
    """
    config, project = compiled.config, compiled.project
    state = git_state(project.path)
    request = job_request(compiled, state)
    location = Location(config.project_id, config.region)
    job_id = new_job_id(compiled.plan.name)
    create = create_request(location, job_id, request)
    warn(notes_for_vertex(compiled))
    if options.dry_run:
        return print_request(create)
    clients = GoogleClients(location)
    if options.check:
        uploads = bool(compiled.plan.staged)
        if pins := check_request(clients, config.run_config, request, uploads=uploads):
            # What runs is what was checked, also if somebody pushes before the last task starts.
            compiled = replace(compiled, plan=pin_images(compiled.plan, pins))
            create = create_request(location, job_id, job_request(compiled, state))
            for image in pins.values():
                click.echo(f"the job runs {image}")
    if compiled.plan.staged:
        click.echo(stage(compiled, staging_root(compiled)))
    jobs = JobsOfProject(project.path, project.env, config, clients, label_value(project.package))
    titles = {task.name: task.title for task in compiled.plan.tasks}
    return launch(jobs, create, options, titles=titles, expected=_expected(compiled.plan))


def print_request(create: CreatePipelineJobRequest) -> int:
    """Print what would be sent, as JSON; return the exit code."""
    click.echo(json.dumps(as_json(create), indent=2))
    return 0


def launch(
    jobs: JobsOfProject,
    create: CreatePipelineJobRequest,
    options: VertexOptions,
    *,
    titles: Mapping[str, str] | None = None,
    expected: Sequence[str] = (),
) -> int:
    """Submit a job, follow it if asked to, and return the exit code.

    Args:
        jobs: of the project.
        create: asks for the job.
        options: what `run-once` was told.
        titles: see `Following`.
        expected: see `Following`.

    Raises:
        RunError: the job cannot be made, or Vertex AI no longer tells of it.
    """
    if not _submit(jobs, create):
        return INTERRUPTED
    if not options.wait:
        return 0
    how = Following(
        titles=titles or {},
        expected=expected,
        timeout=options.timeout,
        on_timeout=options.on_timeout,
        asks=options.asks,
    )
    return follow_job(jobs, create.pipeline_job_id, how)


def _submit(jobs: JobsOfProject, create: CreatePipelineJobRequest) -> bool:
    """Make the job and say where it is; False if the user interrupts."""
    run_config, clients = jobs.config.run_config, jobs.clients
    job_id, experiment = create.pipeline_job_id, ""
    with google_errors(clients.location):
        if run_config.experiment_name:
            experiment = ensure_experiment(
                clients, run_config.experiment_name, run_config.experiment_description
            )
        try:
            submit_job(clients, create, told=_tell_of_waiting(clients))
        except KeyboardInterrupt:
            click.echo(
                f"interrupted while job {job_id} was sent: "
                f"`kedro vertexai status {job_id}` tells whether Vertex AI has it",
                err=True,
            )
            return False
    click.echo(f"job {job_id} submitted")
    click.echo(job_page(clients.location, job_id))
    if experiment:
        _attach(clients, experiment, job_id)
    return True


def _tell_of_waiting(clients: GoogleClients) -> Callable[[Exception], None]:
    """What says once that an error lasts: a user should not sit before nothing for minutes."""
    is_told = False

    def tell(error: Exception) -> None:
        nonlocal is_told
        if is_told:
            return
        is_told = True
        said = explained(error, clients.location)
        warn([f"{said}; it is asked again for up to {Patience().total / 60:g} minutes"])

    return tell


def _attach(clients: GoogleClients, experiment: str, job_id: str) -> None:
    """Make the job a run of the experiment. The job runs whatever comes of this."""
    name = resource_id(experiment)
    try:
        with google_errors(clients.location):
            attached = attach_job(clients, experiment, job_id)
    except RunError as error:
        warn([f"the job is not in experiment {name}: {error}"])
        return
    except KeyboardInterrupt:
        attached = False
    if not attached:
        warn([f"the job is not in experiment {name}: Vertex AI has not begun with it"])


def _expected(plan: Plan) -> tuple[str, ...]:
    """All tasks that an engine runs, in the order in which a user thinks of them."""
    imported = (*(one.task for one in plan.staged), *(one.task for one in plan.references))
    names = (*imported, *(task.name for task in plan.tasks))
    return (START_RUN, *names, FINISH_RUN) if plan.tracked else names
