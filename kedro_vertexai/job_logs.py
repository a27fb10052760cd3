"""`kedro vertexai logs`: what the tasks of a job print, on this machine or on Vertex AI."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kedro_vertexai.errors import RunError, did_you_mean
from kedro_vertexai.jobs import jobs_of_project
from kedro_vertexai.plan.names import task_names
from kedro_vertexai.targets.local.job_logs import (
    LocalJob,
    LocalTask,
    follow_local_lines,
    local_job,
    read_local_lines,
)
from kedro_vertexai.targets.vertex.job_record import JobRecord, TaskRecord
from kedro_vertexai.targets.vertex.jobs import LATEST, get_job
from kedro_vertexai.targets.vertex.logs import Followed, follow_lines, read_lines


@dataclass(frozen=True)
class LogRequest:
    """Whose lines are wanted.

    Args:
        project_path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        job: on this machine its name or the beginning of just one, else of Vertex AI.
        task: one of its tasks; all without.
        follow: until they have ended.
        target: `local` or `vertex`, where to look; both without, `latest` on Vertex AI only.
    """

    project_path: Path
    env: str
    job: str
    task: str | None = None
    follow: bool = False
    target: str | None = None


def log_lines(request: LogRequest) -> Iterator[str]:
    """The lines, each behind its task's name where several are wanted.

    Raises:
        VertexAIError: there is no such job or task, or its log cannot be read.
    """
    is_local = request.target == "local" or (request.target is None and request.job != LATEST)
    if is_local:
        found = local_job(request.project_path, request.job)
        if found:
            return _local_lines(request, found)
        if request.target == "local":
            raise RunError(f"no job '{request.job}' on this machine")
    return _vertex_lines(request)


def _local_lines(request: LogRequest, job: LocalJob) -> Iterator[str]:
    names = [name for task in job.tasks for name in (task.name, task.title)]
    _check_task(request.task, (*names, *job.silent))

    def chosen(job: LocalJob) -> list[LocalTask]:
        return [t for t in job.tasks if request.task in (None, t.name, t.title)]

    def look() -> tuple[bool, Collection[LocalTask]]:
        now = local_job(request.project_path, job.name) or job
        return now.is_running, chosen(now)

    lines = follow_local_lines(look) if request.follow else read_local_lines(chosen(job))
    for task, line in lines:
        yield line if request.task else f"[{task.title}] {line}"


def _vertex_lines(request: LogRequest) -> Iterator[str]:
    jobs = jobs_of_project(request.project_path, request.env)
    first = jobs.find(request.job)
    if first.has_ended or not request.follow:
        # Of a job that runs, a task may be one that is still to come.
        _check_vertex_task(request.task, first.tasks)
    titles: dict[str, str] = {}

    def chosen(job: JobRecord) -> Sequence[TaskRecord]:
        tasks = [task for task in job.tasks if _is_meant(request.task, task)]
        titles.update((number, task.name) for task in tasks for number in task.container_jobs)
        return tasks

    def look() -> Followed:
        job = get_job(jobs.clients, first.id)
        tasks = chosen(job)
        is_done = bool(request.task and tasks) and all(task.has_ended for task in tasks)
        return Followed(tasks, job.created, job.has_ended or is_done)

    if request.follow:
        lines = follow_lines(jobs.clients, look)
    else:
        lines = read_lines(jobs.clients, first, chosen(first))
    for line in lines:
        name = titles.get(line.container_job, "")
        yield line.text if request.task else f"[{name}] {line.text}"
    if request.follow and not titles:
        last = get_job(jobs.clients, first.id)
        _check_vertex_task(request.task, last.tasks)


def _is_meant(given: str | None, task: TaskRecord) -> bool:
    """Whether a user calls it so: as the console does, as the spec does, or as Kedro does."""
    return given is None or given in _names(task) or task_names([given])[given] == task.name


def _names(task: TaskRecord) -> tuple[str, str]:
    return task.name, task.unique_name.rpartition(".")[2]


def _check_vertex_task(given: str | None, tasks: Sequence[TaskRecord]) -> None:
    if not any(_is_meant(given, task) for task in tasks):
        _check_task(given, [name for task in tasks for name in _names(task)])


def _check_task(task: str | None, known: Collection[str]) -> None:
    if task is None or task in known:
        return
    listed = ", ".join(sorted({name for name in known if name})) or "none yet"
    raise RunError(f"the job has no task '{task}'{did_you_mean(task, known)} (it has: {listed})")
