"""The schedules of this project that are there already: listed, paused, resumed, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ConfigError, RunError
from kedro_vertexai.jobs import jobs_of_project
from kedro_vertexai.project_pipeline import registered_names
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.console import schedule_page
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.images import image_digest
from kedro_vertexai.targets.vertex.job_record import JobRecord
from kedro_vertexai.targets.vertex.names import (
    ENV_LABEL,
    PIPELINE_LABEL,
    PROJECT_LABEL,
    label_value,
    resource_id,
)
from kedro_vertexai.targets.vertex.schedule_changes import images_of
from kedro_vertexai.targets.vertex.scheduled_jobs import last_jobs
from kedro_vertexai.targets.vertex.schedules import (
    COMPLETED,
    delete_schedule,
    has_lost_its_pause,
    labels_of,
    list_schedules,
    pause_schedule,
    resume_schedule,
    state_of,
)
from kedro_vertexai.text_table import coloured, table_lines

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule

_HEADER = ("PIPELINE", "ENV", "CRON", "TIME ZONE", "STATE", "NEXT RUN", "LAST JOB", "LINK")
_ACTIONS = {
    "pause": (pause_schedule, "paused"),
    "resume": (resume_schedule, "resumed"),
    "delete": (delete_schedule, "deleted"),
}


@dataclass(frozen=True)
class Chosen:
    """Schedules of this project, the newest first, and whom to ask about them."""

    clients: GoogleClients
    schedules: Sequence[Schedule]
    pipelines: Mapping[str, str]
    """The registered pipelines by the label's value of each."""

    def pipeline(self, schedule: Schedule) -> str:
        """The pipeline's name, or what its label has kept of it."""
        label = labels_of(schedule).get(PIPELINE_LABEL, "")
        return self.pipelines.get(label, label)


def choose(path: Path, env: str, pipeline: str | None, *, every_env: bool = False) -> Chosen:
    """Ask for the schedules of a project.

    Args:
        path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        pipeline: one pipeline's, None for all; it need not be registered any more.
        every_env: those of other Kedro environments, too.

    Raises:
        VertexAIError: `vertexai.yml` cannot be read, or Vertex AI cannot be asked.
    """
    from kedro.framework.project import PACKAGE_NAME

    clients = jobs_of_project(path, env).clients
    labels = {PROJECT_LABEL: label_value(str(PACKAGE_NAME))}
    if not every_env:
        labels[ENV_LABEL] = label_value(env)
    if pipeline is not None:
        labels[PIPELINE_LABEL] = label_value(pipeline)
    with google_errors(clients.location):
        found = list_schedules(clients, labels)
    return Chosen(clients, found, {label_value(name): name for name in registered_names()})


def act(chosen: Chosen, action: str) -> Iterator[str]:
    """Pause, resume or delete what was chosen; say of each what came of it.

    Raises:
        RunError: Vertex AI refuses, or cannot be asked.
    """
    call, done = _ACTIONS[action]
    for schedule in chosen.schedules:
        with google_errors(chosen.clients.location):
            if action == "resume" and has_lost_its_pause(schedule):
                # It runs by mistake, and would be paused again if nobody were seen to resume it.
                pause_schedule(chosen.clients, schedule)
            call(chosen.clients, schedule)
        yield f"schedule '{schedule.display_name}' {done}"


def subjects(chosen: Chosen, action: str) -> Chosen:
    """Those of which an action says something: what has completed can only be deleted."""
    if action == "delete":
        return chosen
    living = [one for one in chosen.schedules if state_of(one) != COMPLETED]
    return Chosen(chosen.clients, living, chosen.pipelines)


def table(chosen: Chosen) -> Iterator[str]:
    """A table of schedules, line by line."""
    rows = []
    for data in as_data(chosen):
        moment, state = data["next_run"] or "", coloured(data["state"])
        rows.append(
            (data["pipeline"], data["env"], data["cron"], data["timezone"], state, moment,
             _last_job(data), data["link"])
        )  # fmt: skip
    return table_lines(_HEADER, rows)


def _last_job(data: Mapping[str, Any]) -> str:
    return f"{data['last_job']} {data['last_job_state']}" if data["last_job"] else ""


def as_data(chosen: Chosen) -> list[dict[str, Any]]:
    """What the table shows, as data; times in UTC."""
    with google_errors(chosen.clients.location):
        last = last_jobs(chosen.clients, chosen.schedules)
    return [_data(chosen, schedule, last) for schedule in chosen.schedules]


def _data(chosen: Chosen, schedule: Schedule, last: Mapping[str, JobRecord]) -> dict[str, Any]:
    zone, _, cron = schedule.cron.partition(" ") if "TZ=" in schedule.cron else ("", "", "")
    response = schedule.last_scheduled_run_response
    number, job = resource_id(schedule.name), last.get(schedule.name)
    return {
        "id": number,
        "name": schedule.display_name,
        "pipeline": chosen.pipeline(schedule),
        "env": labels_of(schedule).get(ENV_LABEL, ""),
        "cron": cron or schedule.cron,
        "timezone": zone.partition("=")[2] or "UTC",
        "state": state_of(schedule),
        "next_run": _moment(schedule.next_run_time) if state_of(schedule) == "ACTIVE" else None,
        "last_run": _moment(response.scheduled_run_time) if response else None,
        "last_job": job.id if job else None,
        "last_job_state": job.state if job else None,
        "runs": schedule.started_run_count,
        "link": schedule_page(chosen.clients.location, number),
    }


def warnings(chosen: Chosen) -> Iterator[str]:
    """What keeps a listed schedule from doing what it is for."""
    missing: dict[str, str] = {}
    for schedule in chosen.schedules:
        if state_of(schedule) == COMPLETED:
            continue
        name = f"schedule '{schedule.display_name}'"
        if has_lost_its_pause(schedule):
            yield (
                f"{name} runs, though it was paused and nobody has resumed it: a command that "
                "changed it was killed; pause it again with --pause, or keep it so with --resume"
            )
        label = labels_of(schedule).get(PIPELINE_LABEL, "")
        if chosen.pipelines and label not in chosen.pipelines:
            yield f"{name}: pipeline '{label}' is no longer registered in this project"
        for image in _images(schedule):
            if image not in missing:
                missing[image] = _problem(chosen.clients, image)
            if missing[image]:
                yield f"{name}: {missing[image]}"
    yield from _duplicates(chosen)


def _duplicates(chosen: Chosen) -> Iterator[str]:
    seen: dict[tuple[str, str], Schedule] = {}
    for schedule in chosen.schedules:
        labels = labels_of(schedule)
        key = (labels.get(PIPELINE_LABEL, ""), labels.get(ENV_LABEL, ""))
        if state_of(schedule) == COMPLETED:
            continue
        if key in seen:
            yield (
                f"pipeline '{chosen.pipeline(schedule)}' has more than one schedule: "
                f"'{seen[key].display_name}' and '{schedule.display_name}'"
            )
        seen.setdefault(key, schedule)


def _images(schedule: Schedule) -> list[str]:
    from google.protobuf import json_format

    job = type(schedule).pb(schedule).create_pipeline_job_request.pipeline_job
    return images_of(json_format.MessageToDict(job.pipeline_spec))


def _problem(clients: GoogleClients, image: str) -> str:
    try:
        digest = image_digest(clients, image)
    except (RunError, ConfigError) as error:
        return f"whether image {image} exists is not known: {error}"
    return "" if digest else f"image {image} does not exist"


def _moment(value: Any) -> str | None:
    if not value:
        return None
    return datetime.fromtimestamp(value.timestamp(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
