"""The first task, which opens the MLflow run, and the last, which closes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.errors import TrackingError
from kedro_vertexai.runtime.active import activate
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job
from kedro_vertexai.task_inputs import JOB, RUN, STATUS, TRACKING
from kedro_vertexai.tracking.config import store_lock
from kedro_vertexai.tracking.finish import Ending, close_run, find_experiment
from kedro_vertexai.tracking.off import disable_hook
from kedro_vertexai.tracking.patience import be_patient, soon
from kedro_vertexai.tracking.server import one_line_errors
from kedro_vertexai.tracking.start import open_experiment, open_run
from kedro_vertexai.tracking.tags import job_tags, logs_of_job, session_tags

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol

logger = logging.getLogger(__name__)

# A job's state in the words of KFP and Vertex AI, as MLflow's status of the run:
# https://cloud.google.com/vertex-ai/docs/pipelines/email-notifications (PipelineTaskFinalStatus),
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs#State
_STATUS = {
    "SUCCEEDED": "FINISHED",
    "COMPLETE": "FINISHED",
    "CANCELLED": "KILLED",
    "CANCELLING": "KILLED",
    "SKIPPED": "KILLED",
}


class _ContextOnly:
    """Loads the project's configuration of MLflow, and runs nothing."""

    def __init__(self, set_up: Callable[[KedroContext], None]) -> None:
        self._set_up = set_up

    def context_created(self, context: KedroContext) -> None:
        self._set_up(context)

    def catalog_created(self, catalog: CatalogProtocol[Any, Any], save_version: str) -> None: ...

    def node_started(self, node: str) -> None: ...

    def dataset_saved(self, name: str, data: Any) -> None: ...


def start_run(given: ExecutorInput, project_path: Path, env: str, pipeline: str) -> None:
    """Open the experiment and the run as `mlflow.yml` says, and hand its id to every task.

    Raises:
        TrackingError: MLflow does not let it, and the run is required.
    """
    tracking = _Tracking(given)
    job = replace(
        Job.of(given.parameters), required=tracking.required, retry_for=tracking.retry_for
    )
    said = {
        **job_tags(job.id, job.name, tracking.document),
        **session_tags(pipeline, env, tracking.runtime_params),
    }

    def opened() -> Job:
        context = _load_context(tracking, project_path, env, open_experiment)
        run_id, experiment_id = open_run(context, name=pipeline, said=said)
        return replace(job, run_id=run_id, experiment_id=experiment_id)

    try:
        job = tracking.told_in_one_line("cannot open the MLflow run", opened)
    except TrackingError as error:
        if tracking.required:
            raise
        logger.warning("THIS JOB IS NOT TRACKED: %s", error)
        job = replace(job, untracked=str(error))
    given.write_parameter(JOB, job.document())


def finish_run(given: ExecutorInput, project_path: Path, env: str) -> None:
    """Close the job's MLflow run with the status that the job ended in.

    Raises:
        TrackingError: MLflow does not let it, and the run is required.
    """
    tracking = _Tracking(given)
    job = Job.of(given.parameters)
    ending = _ending(_status(given.parameters.get(STATUS)), tracking)

    def closed() -> dict[str, Any] | None:
        context = _load_context(tracking, project_path, env, find_experiment)
        return close_run(context, job.id, ending)

    try:
        run = tracking.told_in_one_line("cannot close the MLflow run", closed)
    except TrackingError as error:
        if tracking.required:
            raise
        logger.warning("THE MLFLOW RUN IS NOT CLOSED: %s", error)
        run = None
    given.write_parameter(RUN, json.dumps(run))


class _Tracking:
    """What the spec says of tracking, for the first and the last task.

    Args:
        given: what the engine handed over.
    """

    def __init__(self, given: ExecutorInput) -> None:
        self.document: dict[str, Any] = json.loads(given.parameters.get(TRACKING) or "{}")
        self.required = bool(self.document.get("required", True))
        self.retry_for = float(self.document.get("retry_for", 60))
        self.runtime_params: dict[str, Any] = json.loads(
            given.parameters.get("runtime_params") or "{}"
        )

    def told_in_one_line(self, what: str, act: Callable[[], Any]) -> Any:
        """Act, try requests again, and raise what MLflow raises in one line."""
        be_patient(self.retry_for)
        with store_lock(), one_line_errors(what), soon(self.retry_for):
            return act()


def _load_context(
    tracking: _Tracking, project_path: Path, env: str, set_up: Callable[[KedroContext], None]
) -> KedroContext:
    """A context on which MLflow is set up before the project's own hooks see it."""
    from kedro.framework.session import KedroSession

    from kedro_vertexai.runtime.parameters import as_runtime_params

    disable_hook()
    activate(_ContextOnly(set_up))
    with KedroSession.create(
        project_path=project_path,
        env=env,
        runtime_params=as_runtime_params(tracking.runtime_params) or None,
    ) as session:
        return cast(KedroSession, session).load_context()


def _ending(status: Mapping[str, Any], tracking: _Tracking) -> Ending:
    error = status.get("error")
    reason = error.get("message", "") if isinstance(error, dict) else error
    if not status:
        reason = "the engine does not say how the job ended"
    return Ending(
        status=_STATUS.get(str(status.get("state", "")).upper(), "FAILED"),
        reason=str(reason or ""),
        titles=tracking.document.get("titles"),
        logs=logs_of_job(),
    )


def _status(value: Any) -> dict[str, Any]:
    """KFP's PipelineTaskFinalStatus: engines give an object or its JSON.

    The two keys that are read here are one word, so that it does not matter that some engines
    write keys in snake_case and others in camelCase.
    """
    if isinstance(value, str):
        value = json.loads(value or "{}")
    return value if isinstance(value, dict) else {}
