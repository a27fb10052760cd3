"""`kedro vertexai cancel`: a job is cancelled, and so is its MLflow run."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.errors import ConfigError, RunError, TrackingError, VertexAIError
from kedro_vertexai.jobs import JobsOfProject
from kedro_vertexai.plan.model import START_RUN
from kedro_vertexai.plan.parameters import RUNTIME_PARAMS
from kedro_vertexai.targets.vertex.cancel import cancel_job, wait_for_end
from kedro_vertexai.targets.vertex.job_record import JobRecord
from kedro_vertexai.targets.vertex.jobs import find_message
from kedro_vertexai.targets.vertex.rerun import values_of

# Seconds for which a request to MLflow is tried again.
_PATIENCE = 20.0


@dataclass(frozen=True)
class Cancelled:
    """What came of it: the job as it ended, and its MLflow run as it is now, if it has one."""

    job: JobRecord
    run: dict[str, Any] | None = None


def start_cancelling(jobs: JobsOfProject, job: JobRecord) -> None:
    """Ask Vertex AI to cancel a job.

    Raises:
        RunError: the job has ended, or Vertex AI refuses. The MLflow run of a cancelled job that
            nobody has closed is closed then, too.
    """
    if job.has_ended:
        raise RunError(f"job {job.id} has ended before: it is {job.state}{_closed(jobs, job)}")
    cancel_job(jobs.clients, job.id)


def finish_cancelling(
    jobs: JobsOfProject, job: JobRecord, pause: Callable[[float], None] | None = None
) -> Cancelled:
    """Wait until a job has ended, and close its MLflow run if its last task has not.

    Vertex AI may end a cancelled job without its exit handler.

    Args:
        jobs: of the project.
        job: that is being cancelled.
        pause: waits so many seconds; sleeps without.

    Raises:
        RunError: Vertex AI cannot be asked.
        TrackingError: the job has ended, and its MLflow run cannot be closed.
    """
    ended = wait_for_end(jobs.clients, job.id, **({"pause": pause} if pause else {}))
    if ended.state != "CANCELLED" or not _is_tracked(ended):
        return Cancelled(ended)
    return Cancelled(ended, close_mlflow_run(jobs, ended))


def close_mlflow_run(jobs: JobsOfProject, job: JobRecord) -> dict[str, Any] | None:
    """End the MLflow run of a cancelled job as KILLED, unless it has ended; return it.

    MLflow is set up as in a task, with the project's own `mlflow.yml`, credentials and provider.

    Raises:
        TrackingError: MLflow cannot be asked, or refuses.
    """
    try:
        return _kill_run(jobs, job)
    except VertexAIError as error:
        raise TrackingError(
            f"job {job.id} is cancelled, but its MLflow run is not closed: {error}; "
            f"`kedro vertexai cancel {job.id}` tries again"
        ) from error


def _kill_run(jobs: JobsOfProject, job: JobRecord) -> dict[str, Any] | None:
    if importlib.util.find_spec("kedro_mlflow") is None:
        raise ConfigError("kedro-mlflow is not installed here")
    from kedro_vertexai.mlflow_context import signed_context, task_environment
    from kedro_vertexai.plan.authentication import authentication_settings
    from kedro_vertexai.runtime.authentication import Authentication
    from kedro_vertexai.runtime.parameters import as_runtime_params
    from kedro_vertexai.tracking.finish import find_experiment, kill_run
    from kedro_vertexai.tracking.patience import soon
    from kedro_vertexai.tracking.server import one_line_errors

    given = as_runtime_params(_runtime_params(jobs, job))
    # Configuration may read the job's name, under the name that it has in tasks.
    more = {"KEDRO_CONFIG_JOB_NAME": job.id, "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
    with task_environment(jobs.config, **more):
        authentication = Authentication(authentication_settings(jobs.config))
        authentication.begin()
        with (
            # A person's own login may not make what a task's makes, and may not need it.
            signed_context(
                jobs.path, jobs.env, jobs.config, authentication, given, strict=False
            ) as context,
            one_line_errors("MLflow cannot be asked"),
            soon(_PATIENCE),
        ):
            find_experiment(context)
            _check_server()
            told = job.mlflow_run
            return kill_run(context, job.id, told.id if told else "", "the job was cancelled")


def _runtime_params(jobs: JobsOfProject, job: JobRecord) -> dict[str, Any]:
    """What the job gave to resolvers, which `mlflow.yml` may read."""
    values = values_of(find_message(jobs.clients, job.id, jobs.label))
    found: Any = json.loads(str(values.get(RUNTIME_PARAMS) or "{}"))
    return found if isinstance(found, dict) else {}


def _check_server() -> None:
    """A store on this machine is not the one that tasks elsewhere have used."""
    import mlflow

    from kedro_vertexai.tracking.config import is_local

    server = str(mlflow.get_tracking_uri())
    if is_local(server):
        raise ConfigError(f"mlflow.yml records runs at {server}, which is no server")


def _is_tracked(job: JobRecord) -> bool:
    """Whether its first task may have opened a run."""
    return not job.untracked and any(task.name == START_RUN for task in job.tasks)


def _closed(jobs: JobsOfProject, job: JobRecord) -> str:
    """What there is to say of the MLflow run of a job that has ended before."""
    if job.state != "CANCELLED" or not _is_tracked(job):
        return ""
    run = close_mlflow_run(jobs, job)
    return f"; MLflow run {run['id']} is {run['status']}" if run else ""
