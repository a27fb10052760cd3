"""Runs one job from the pipeline spec to its result."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from kedro_vertexai.targets.local.attempt import AttemptRunner
from kedro_vertexai.targets.local.graph import Graph
from kedro_vertexai.targets.local.interrupts import interrupts_call
from kedro_vertexai.targets.local.job_file import JobFile, write_atomically
from kedro_vertexai.targets.local.layout import JobLayout, OutputLinks
from kedro_vertexai.targets.local.options import LocalOptions
from kedro_vertexai.targets.local.parameters import resolve_parameters
from kedro_vertexai.targets.local.pipeline_spec import read_graph
from kedro_vertexai.targets.local.placeholders import JobIdentity
from kedro_vertexai.targets.local.process_engine import ProcessEngine
from kedro_vertexai.targets.local.scheduler import Scheduler
from kedro_vertexai.targets.progress import Reporter
from kedro_vertexai.targets.results import JobResult, JobState, TaskResult


def run_job(
    spec: Mapping[str, Any],
    *,
    job_name: str,
    project_path: Path,
    parameter_values: Mapping[str, Any],
    options: LocalOptions,
    reporter: Reporter,
) -> JobResult:
    """Run a compiled pipeline spec, each task on its own.

    Ctrl-C (or SIGTERM) stops all tasks, then the exit handler runs; a second one kills them.

    Args:
        spec: KFP v2 pipeline spec.
        job_name: new name, also of the directory that holds everything the job leaves.
        project_path: the user's Kedro project.
        parameter_values: of pipeline parameters, as JSON values; the rest have their defaults.
        options: how to run.
        reporter: hears of every change.

    Returns:
        How the job and each task ended; a failure of a task is no exception.

    Raises:
        RunError: before anything has started, if the job cannot be run as asked.
    """
    graph = read_graph(spec)
    values = resolve_parameters(graph.parameters, parameter_values)
    workers = options.workers()
    engine = options.engine or ProcessEngine(options)
    engine.check(graph)
    project_path = project_path.resolve()
    layout = JobLayout.create(project_path, job_name)
    write_atomically(layout.spec, json.dumps(spec))
    job = _new_job(graph, job_name, layout)
    identity = JobIdentity(job.job_name, job.job_id)
    with _recorded(job, layout, reporter) as record:
        listener = _Listener(reporter, record.file, OutputLinks(layout.outputs))
        scheduler = Scheduler(graph, values, identity, options, listener, engine.fits)
        with (
            interrupts_call(scheduler.interrupt),
            ThreadPoolExecutor(workers, thread_name_prefix="task") as pool,
            # Closed before the pool, whose threads wait for the processes.
            engine.open(graph, layout, reporter) as workplace,
        ):
            scheduler.run(AttemptRunner(layout, identity, workplace), pool)
        record.ended(graph, scheduler)
    return record.job


@dataclass
class _Record:
    """The job as it is known so far, for the file and for the caller."""

    job: JobResult
    file: JobFile

    def ended(self, graph: Graph, scheduler: Scheduler) -> None:
        """Take over how the tasks ended."""
        tasks = scheduler.results()
        state = scheduler.state()
        error = explain(graph, state, tasks)
        self.job = replace(self.job, state=state, tasks=tasks, error=error)


@contextmanager
def _recorded(job: JobResult, layout: JobLayout, reporter: Reporter) -> Iterator[_Record]:
    """Keep `job.json` and see that it, and the reporter, learn of the end, whatever it is."""
    record = _Record(job, JobFile(layout.state, job))
    reporter.job_started(job)
    try:
        yield record
    except BaseException as error:
        # What the file knows of the tasks is newer than what this job knows.
        record.job = replace(job, state="FAILED", error=str(error) or repr(error), tasks=())
        raise
    finally:
        record.job = replace(record.job, end=datetime.now(timezone.utc))
        record.file.close(record.job)
        reporter.job_finished(record.job)


@dataclass(frozen=True)
class _Listener:
    """Spreads the scheduler's news."""

    reporter: Reporter
    file: JobFile
    links: OutputLinks

    def task_changed(self, task: TaskResult) -> None:
        if task.state == "SUCCEEDED" and task.log_path is not None:
            try:
                self.links.add(task.name, task.outputs)
            except OSError as error:
                self.warning(f"cannot link the outputs of {task.display_name}: {error}")
        self.file.task_changed(task)
        self.reporter.task_changed(task)

    def warning(self, message: str) -> None:
        self.reporter.warning(message)


def explain(graph: Graph, state: JobState, tasks: Iterable[TaskResult]) -> str | None:
    """Return in one line why a job did not succeed: the first failure comes first."""
    reasons = ["the job was cancelled"] if state == "CANCELLED" else []
    failed = sorted(
        (task for task in tasks if task.state == "FAILED"), key=lambda task: str(task.end)
    )
    handlers = [task for task in failed if graph.tasks[task.name].is_exit_handler]
    ordinary = [task for task in failed if not graph.tasks[task.name].is_exit_handler]
    if ordinary:
        more = f" (and {len(ordinary) - 1} more failed)" if len(ordinary) > 1 else ""
        reasons.append(f"task '{ordinary[0].display_name}' failed: {ordinary[0].error}{more}")
    for task in handlers:
        too = " too" if reasons else ""
        reasons.append(f"the exit handler '{task.display_name}' failed{too}: {task.error}")
    return "; ".join(reasons) or None


def _new_job(graph: Graph, job_name: str, layout: JobLayout) -> JobResult:
    return JobResult(
        job_name=job_name,
        job_id=str(uuid.uuid4()),
        state="RUNNING",
        path=layout.path,
        start=datetime.now(timezone.utc),
        tasks=tuple(TaskResult(task.name, task.display_name) for task in graph.tasks.values()),
    )
