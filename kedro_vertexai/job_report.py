"""What commands tell of jobs: as a table, as text, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.targets.vertex.job_record import JobRecord, TaskRecord
from kedro_vertexai.targets.vertex.names import PIPELINE_LABEL
from kedro_vertexai.text_table import coloured, duration, table_lines

_JOBS = ("Job", "Pipeline", "State", "Started", "Duration", "MLflow run", "Link")
_TASKS = ("Task", "State", "Duration")


def jobs_table(jobs: JobsOfProject, found: Sequence[JobRecord]) -> Iterator[str]:
    """A job a line."""
    rows = [
        (
            job.id,
            pipeline_of(job),
            coloured(job.state),
            _local(job.start or job.created),
            duration(_seconds(job)),
            job.mlflow_run.id if job.mlflow_run else "",
            jobs.page(job.id),
        )
        for job in found
    ]
    return table_lines(_JOBS, rows)


def status_text(jobs: JobsOfProject, job: JobRecord) -> Iterator[str]:
    """All about one job: itself, its tasks, its outputs, its MLflow run."""
    times = ", ".join(filter(None, (_local(job.start), duration(_seconds(job)))))
    yield f"Job {job.id}: {coloured(job.state)}{f' ({times})' if times else ''}"
    yield f"  pipeline: {pipeline_of(job)}"
    yield f"  page: {jobs.page(job.id)}"
    if job.error:
        yield f"  error: {job.error}"
    if job.tasks:
        yield ""
        rows = [(t.name, coloured(t.state), duration(_seconds(t))) for t in job.tasks]
        yield from (f"  {line}" for line in table_lines(_TASKS, rows))
    for task in job.tasks:
        if task.error:
            yield f"\n{task.name}: {task.error}"
        if task.is_out_of_memory and task.memory_limit:
            yield (
                f"  its limit is {task.memory_limit / 2**20:,.0f} MiB: raise `memory` of this node "
                "under run_config.resources"
            )
    if job.outputs:
        yield "\nOutputs"
        places = [(output.dataset, output.uri) for output in job.outputs]
        yield from (f"  {line}" for line in table_lines(("Dataset", "Lies at"), places))
    if run := job.mlflow_run:
        yield f"\nMLflow run {run.id}"
        if run.url:
            yield f"  at {run.url}"
    elif job.untracked:
        yield f"\nThis job is not tracked: {job.untracked}"


def job_json(jobs: JobsOfProject, job: JobRecord) -> dict[str, Any]:
    """A job for programs; times are ISO 8601 in UTC."""
    run = job.mlflow_run
    return {
        "job": job.id,
        "display_name": job.display_name,
        "pipeline": pipeline_of(job),
        "state": job.state,
        "created": _utc(job.created),
        "start": _utc(job.start),
        "end": _utc(job.end),
        "seconds": _seconds(job),
        "error": job.error,
        "labels": dict(job.labels),
        "mlflow_run": run.id if run else None,
        "link": jobs.page(job.id),
    }


def status_json(jobs: JobsOfProject, job: JobRecord) -> dict[str, Any]:
    """A job with its tasks and outputs, for programs."""
    run = job.mlflow_run
    return {
        **job_json(jobs, job),
        "mlflow_url": run.url if run else "",
        "untracked": job.untracked,
        "tasks": [_task_json(task) for task in job.tasks],
        "outputs": {output.dataset: output.uri for output in job.outputs},
    }


def pipeline_of(job: JobRecord) -> str:
    """Its Kedro pipeline; of a job that is not ours, its display name."""
    return job.labels.get(PIPELINE_LABEL) or job.display_name


def _task_json(task: TaskRecord) -> dict[str, Any]:
    return {
        "task": task.name,
        "state": task.state,
        "start": _utc(task.start),
        "end": _utc(task.end),
        "seconds": _seconds(task),
        "attempts": len(task.container_jobs),
        "error": task.error,
    }


def _seconds(record: JobRecord | TaskRecord) -> float | None:
    """How long it took, or has taken until now; None before it starts."""
    if record.start is None:
        return None
    end = record.end or datetime.now(timezone.utc)
    return max(0.0, (end - record.start).total_seconds())


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(timezone.utc).isoformat() if moment else None
