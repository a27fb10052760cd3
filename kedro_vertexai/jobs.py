"""Jobs of this project on Vertex AI, for the commands that speak of one or of several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kedro_vertexai.config import PluginConfig, parse_config
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.project_config import read_vertexai_config
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.console import job_page, jobs_page
from kedro_vertexai.targets.vertex.job_record import JobRecord
from kedro_vertexai.targets.vertex.jobs import (
    LATEST,
    JobFilter,
    find_job,
    list_jobs,
    with_mlflow_runs,
)
from kedro_vertexai.targets.vertex.names import PROJECT_LABEL, label_value

_AGE = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class JobsOfProject:
    """Where a Kedro project's jobs are, and how they are told from others.

    Args:
        path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        config: its `vertexai.yml`.
        clients: of its Google Cloud project and region.
        label: the value of the label that its jobs carry.
    """

    path: Path
    env: str
    config: PluginConfig
    clients: GoogleClients
    label: str

    def find(self, text: str) -> JobRecord:
        """The job that a user means, see `find_job`.

        Raises:
            RunError: there is no such job, or several; or Vertex AI cannot be asked.
        """
        return find_job(self.clients, text, self.label)

    def page(self, job_id: str) -> str:
        """The console's page of a job."""
        return job_page(self.clients.location, job_id)


@dataclass(frozen=True)
class Wanted:
    """What `list-pipelines` is asked for; see `JobFilter`.

    Args:
        states: as Vertex AI has them.
        labels: `key=value`, or a key alone.
        age: no older than this: a number and `m`, `h`, `d` or `w`; empty means any.
        everything: of all Kedro projects, and of none.
        limit: the most jobs.
    """

    states: Sequence[str] = ()
    labels: Sequence[str] = ()
    age: str = ""
    everything: bool = False
    limit: int = 20

    def filter(self, project_label: str, now: datetime) -> JobFilter:
        """The same in the service's terms.

        Raises:
            ConfigError: an age or a label in no form of these.
        """
        mine = {} if self.everything else {PROJECT_LABEL: project_label}
        labels = dict(_label(text) for text in self.labels)
        return JobFilter(self.states, {**mine, **labels}, _since(self.age, now))


def jobs_of_project(path: Path, env: str) -> JobsOfProject:
    """Read where the jobs of a project are. Its pipelines are not loaded, and nobody is asked.

    Raises:
        VertexAIError: `vertexai.yml` cannot be read.
    """
    from kedro.framework.project import PACKAGE_NAME

    data, source = read_vertexai_config(path, env)
    config = parse_config(data, source)
    clients = GoogleClients(Location(config.project_id, config.region))
    return JobsOfProject(path, env, config, clients, label_value(str(PACKAGE_NAME)))


def recent_jobs(jobs: JobsOfProject, wanted: Wanted) -> list[JobRecord]:
    """The jobs that are asked for, the newest first, each with its MLflow run.

    Raises:
        VertexAIError: they cannot be asked for so, or Vertex AI cannot be asked.
    """
    chosen = wanted.filter(jobs.label, datetime.now(timezone.utc))
    found = list_jobs(jobs.clients, chosen, wanted.limit)
    return with_mlflow_runs(jobs.clients, found)


def page(path: Path, env: str, job: str | None) -> str:
    """The console's page of a job, or of all jobs. Only `latest` asks Vertex AI.

    Raises:
        VertexAIError: `vertexai.yml` cannot be read, or there is no latest job.
    """
    jobs = jobs_of_project(path, env)
    if job is None:
        return jobs_page(jobs.clients.location)
    return jobs.page(jobs.find(job).id if job == LATEST else job)


def _label(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not key:
        raise ConfigError(f"--label {text}: write it as key=value, or as a key alone")
    return key, value


def _since(age: str, now: datetime) -> datetime | None:
    if not age:
        return None
    match = _AGE.fullmatch(age)
    if not match:
        raise ConfigError(f"--age {age}: write a number and m, h, d or w, as 7d for a week")
    try:
        return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise ConfigError(f"--age {age}: that is before there was a calendar") from None
