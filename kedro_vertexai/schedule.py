"""`kedro vertexai schedule`: one schedule for a pipeline and environment, made or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from kedro_vertexai.compiler import Compiled, notes_for_vertex, staging_root
from kedro_vertexai.errors import RunError
from kedro_vertexai.git_state import git_state
from kedro_vertexai.job_request import job_request
from kedro_vertexai.preflight_command import check_request
from kedro_vertexai.project import Project
from kedro_vertexai.schedule_timing import TimingOptions, timing_of
from kedro_vertexai.stage import stage
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.console import schedule_page
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.names import display_name, resource_id
from kedro_vertexai.targets.vertex.request import JobRequest
from kedro_vertexai.targets.vertex.schedule_changes import (
    Change,
    changes,
    spec_summary,
    start_now_if_started,
)
from kedro_vertexai.targets.vertex.schedule_creation import create_schedule, earliest_schedule
from kedro_vertexai.targets.vertex.schedule_request import Identity, schedule_message
from kedro_vertexai.targets.vertex.schedules import (
    COMPLETED,
    PAUSED,
    all_schedules,
    has_labels,
    has_lost_its_pause,
    keep_paused,
    labels_of,
    state_of,
    update_schedule,
)
from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule


@dataclass(frozen=True)
class Prepared:
    """What `schedule` is about to do; nothing has been sent that changes anything."""

    compiled: Compiled
    clients: GoogleClients
    request: JobRequest
    identity: Identity
    wanted: Schedule
    existing: Schedule | None
    changes: Sequence[Change]
    summary: str
    """The pipeline spec in a few words."""
    notes: Sequence[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """What would change, a line each."""
        if self.existing is None:
            return [
                f"new schedule '{self.wanted.display_name}': {self.wanted.cron}, {self.summary}"
            ]
        title = f"schedule '{self.existing.display_name}' ({state_of(self.existing)})"
        told = [str(change) for change in self.changes]
        if has_lost_its_pause(self.existing):
            told.append("state: ACTIVE -> PAUSED, since it was paused and nobody has resumed it")
        if not told:
            return [f"{title} is as it should be: nothing to change"]
        return [f"{title}:", *(f"  {line}" for line in told)]

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to send."""
        if self.existing is None:
            return True
        return bool(self.changes) or has_lost_its_pause(self.existing)


def prepare(compiled: Compiled, options: TimingOptions) -> Prepared:
    """Check everything, and look for what is there already.

    Args:
        compiled: the pipeline with the parameter values of each job.
        options: of the command line.

    Raises:
        VertexAIError: a mistake of the user's, or Vertex AI cannot be asked.
    """
    config, project = compiled.config, compiled.project
    timing = timing_of(config.run_config.schedules, project.pipeline, options)
    request = job_request(compiled, git_state(project.path))
    location = Location(config.project_id, config.region)
    title = schedule_name(config.run_config.scheduled_run_name, project)
    wanted = schedule_message(location, title, timing, request)
    clients = GoogleClients(location)
    with google_errors(location):
        found = all_schedules(clients)
    identity = Identity(project.package, project.pipeline, project.env)
    mine, notes = _mine(found, wanted, identity)
    if mine:
        start_now_if_started(mine, wanted)
    return Prepared(
        compiled=compiled,
        clients=clients,
        request=request,
        identity=identity,
        wanted=wanted,
        existing=mine,
        changes=changes(mine, wanted) if mine else (),
        summary=spec_summary({"pipelineSpec": request.spec}),
        notes=[*notes_for_vertex(compiled), *notes],
    )


def carry_out(prepared: Prepared, *, check: bool = True) -> None:
    """Stage the inputs, then make or change the schedule; say where it is.

    Args:
        prepared: what to do.
        check: whether to look first for what would keep its jobs from running.

    Raises:
        VertexAIError: there is no new schedule, or the old one is as it was.
    """
    clients, compiled = prepared.clients, prepared.compiled
    if check:
        run_config, uploads = compiled.config.run_config, bool(compiled.plan.staged)
        check_request(clients, run_config, prepared.request, uploads=uploads)
    if compiled.plan.staged:
        click.echo(stage(compiled, staging_root(compiled)))
    with google_errors(clients.location):
        made = _sent(prepared)
    if prepared.existing is None:
        _give_way(prepared, made)
    done = "updated" if prepared.existing else "created"
    click.echo(f"schedule '{made.display_name}' {done}{_outlook(made)}")
    click.echo(schedule_page(clients.location, resource_id(made.name)))


def _sent(prepared: Prepared) -> Schedule:
    clients, existing = prepared.clients, prepared.existing
    if existing is None:
        return create_schedule(clients, prepared.wanted)
    if not prepared.changes:
        return keep_paused(clients, existing.name)
    return update_schedule(clients, existing, prepared.wanted, prepared.changes)


def _give_way(prepared: Prepared, made: Schedule) -> None:
    """Keep no schedule beside one that another command has made at the same moment.

    Raises:
        RunError: there is such a one, and this one is deleted.
    """
    clients = prepared.clients
    try:
        with google_errors(clients.location):
            first = earliest_schedule(clients, made, prepared.identity.labels)
    except RunError as error:
        warn([f"whether another command has made a schedule at the same time is unknown: {error}"])
        return
    if first is not made:
        raise RunError(
            f"another command has made schedule '{first.display_name}' of this pipeline at the "
            "same time, so this one's is deleted: run the command again to change that one"
        )


def schedule_name(template: str | None, project: Project) -> str:
    """The display name of a pipeline's schedule: no two pipelines share one.

    Args:
        template: `run_config.scheduled_run_name`, in which `{project}`, `{pipeline}` and `{env}`
            are replaced. One that does not name the pipeline is followed by it.
        project: read for the pipeline.
    """
    pipeline = "" if project.pipeline == "__default__" else project.pipeline
    text = template or "{project}"
    if "{pipeline}" not in text:
        text = f"{text} {{pipeline}}"
    names = {"{project}": project.package, "{env}": project.env, "{pipeline}": pipeline}
    for placeholder, value in names.items():
        text = text.replace(placeholder, value)
    return display_name(text)


def _mine(
    found: Sequence[Schedule], wanted: Schedule, identity: Identity
) -> tuple[Schedule | None, list[str]]:
    """The schedule to change, and what there is to say of others."""
    living = [one for one in found if state_of(one) != COMPLETED]
    mine = [one for one in living if has_labels(one, identity.labels)]
    notes = [
        f"{resource_id(one.name)} is another schedule of this pipeline, made "
        f"{one.create_time:%Y-%m-%d}, and starts jobs beside this one: "
        "`kedro vertexai schedule --delete` deletes all of them"
        for one in mine[1:]
    ]
    notes += [
        f"{resource_id(one.name)} is a schedule of the same name that kedro-vertexai does not know "
        "as this pipeline's, perhaps of version 1.0: delete it in the console if it is"
        for one in living
        if one.display_name == wanted.display_name and not labels_of(one)
    ]
    return (mine[0] if mine else None), notes


def _outlook(made: Schedule) -> str:
    if state_of(made) == PAUSED:
        return ", and still paused: `kedro vertexai schedule --resume` starts it"
    next_run = made.next_run_time
    if not next_run:
        return ""
    moment = datetime.fromtimestamp(next_run.timestamp(), timezone.utc)
    return f", next run {moment:%Y-%m-%d %H:%M:%S} UTC"
