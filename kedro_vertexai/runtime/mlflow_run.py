"""The first task, which opens the MLflow run, and the last, which closes it."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.errors import TrackingError
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job
from kedro_vertexai.runtime.job_end import CANCELLED, FAILED, SUCCEEDED, JobEnd
from kedro_vertexai.task_inputs import JOB, RUN, TRACKING
from kedro_vertexai.tracking.active_run import on_another_server
from kedro_vertexai.tracking.config import store_lock
from kedro_vertexai.tracking.finish import (
    Ending,
    close_run,
    find_experiment,
    find_run,
    taken_over,
)
from kedro_vertexai.tracking.first_hook import acting_first
from kedro_vertexai.tracking.off import disable_hook
from kedro_vertexai.tracking.patience import be_patient, soon
from kedro_vertexai.tracking.server import one_line_errors, server
from kedro_vertexai.tracking.start import open_experiment, open_run
from kedro_vertexai.tracking.tags import RUN_ID, job_tags, logs_of_job, session_tags

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

_CLOSING = "cannot close the MLflow run"
# A job's state as MLflow's status of its run.
_STATUS = {SUCCEEDED: "FINISHED", FAILED: "FAILED", CANCELLED: "KILLED"}


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
    Closing(given, project_path, env).close()


class Closing:
    """The job's MLflow run at the job's end; an exit pipeline runs between `find` and `close`.

    Args:
        given: what the engine handed over.
        project_path: the project in this container.
        env: the Kedro environment.
    """

    def __init__(self, given: ExecutorInput, project_path: Path, env: str) -> None:
        self._given = given
        self._tracking = _Tracking(given)
        self._end = JobEnd.of(given)
        self._load = partial(_load_context, self._tracking, project_path, env, find_experiment)
        self._context: KedroContext | None = None
        self._server = ""
        self._lost: TrackingError | None = None
        self.joins = not self._tracking.document.get("exit_untracked", False)
        self.retry_for = self._tracking.retry_for

    @property
    def reason(self) -> str:
        """Why `find` found nothing, if MLflow was not to be asked."""
        return str(self._lost or "")

    def find(self) -> Run | None:
        """The job's run; None if there is none, or MLflow cannot be asked, as `close` will say."""

        def found() -> Run | None:
            import mlflow

            self._context = self._load()
            self._server = mlflow.get_tracking_uri()
            return find_run(self._context, self._end.job.id)

        try:
            return cast("Run | None", self._tracking.told_in_one_line(_CLOSING, found))
        except TrackingError as error:
            self._lost = error
            return None

    @property
    def status(self) -> str:
        """MLflow's status of the run as the job has ended."""
        return _STATUS[self._end.state]

    def end(self) -> None:
        """End the run before the exit pipeline starts, which may be killed."""
        try:
            self._closed("")
        except TrackingError:
            logger.debug("the run is not ended yet, which `close` will tell", exc_info=True)

    def close(self, on_exit_error: str = "") -> None:
        """Close the run.

        Args:
            on_exit_error: what the exit pipeline failed of. Then a run that cannot be closed is
                no error: the task has one already.

        Raises:
            TrackingError: MLflow does not let it, and the run is required.
        """
        try:
            run = self._closed(on_exit_error)
        except TrackingError as error:
            if self._tracking.required and not on_exit_error:
                raise
            logger.warning("THE MLFLOW RUN IS NOT CLOSED: %s", error)
            run = None
        self._given.write_parameter(RUN, json.dumps(run))

    def _closed(self, on_exit_error: str) -> dict[str, Any] | None:
        if self._lost:
            raise self._lost
        ending = Ending(
            status=self.status,
            reason=self._end.error,
            titles=self._tracking.document.get("titles"),
            groups=self._tracking.groups,
            logs=logs_of_job(),
            on_exit_error=on_exit_error,
        )

        def closed() -> dict[str, Any] | None:
            if self._server:
                import mlflow

                # The exit pipeline may have pointed MLflow elsewhere.
                mlflow.set_tracking_uri(self._server)
            context = self._context or self._load()
            run = close_run(context, self._end.job.id, ending)
            if run is None:
                self._check_lost(taken_over(context, self._end.job.id))
            return run

        return cast("dict[str, Any] | None", self._tracking.told_in_one_line(_CLOSING, closed))

    def _check_lost(self, why: str) -> None:
        """Say why there is no run to close; a job that succeeded has opened one.

        Raises:
            TrackingError: it has succeeded.
        """
        if self._end.state == SUCCEEDED:
            raise TrackingError(f"{_CLOSING}: {why or self._no_run()}")
        if why:
            logger.warning("THE MLFLOW RUN IS NOT CLOSED: %s", why)

    def _no_run(self) -> str:
        """What may have become of the run that its first task has opened."""
        return (
            f"none at {server()} has the tag {RUN_ID} = {self._end.job.id!r}. Either it has been "
            "deleted, or mlflow.yml names another server in this task than in the first one"
        )


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

    @property
    def groups(self) -> dict[str, list[str]] | None:
        """The nodes of each task of several; None where the spec has no room for them."""
        return None if self.document.get("names_left_out") else self.document.get("groups", {})

    def told_in_one_line(self, what: str, act: Callable[[], Any]) -> Any:
        """Act, try requests again, and raise what MLflow raises in one line."""
        if importlib.util.find_spec("kedro_mlflow") is None:
            # The user's machine, which has compiled this, has it.
            raise TrackingError(
                f"{what}: kedro-mlflow is not installed here: name it in requirements.txt and "
                "build the image anew"
            )
        be_patient(self.retry_for)
        with on_another_server(), store_lock(), one_line_errors(what), soon(self.retry_for):
            return act()


def _load_context(
    tracking: _Tracking, project_path: Path, env: str, set_up: Callable[[KedroContext], None]
) -> KedroContext:
    """A context on which MLflow is set up; see `first_hook` for when."""
    from kedro.framework.session import KedroSession

    from kedro_vertexai.runtime.parameters import as_runtime_params

    disable_hook()
    with (
        acting_first(set_up),
        KedroSession.create(
            project_path=project_path,
            env=env,
            runtime_params=as_runtime_params(tracking.runtime_params) or None,
        ) as session,
    ):
        return cast(KedroSession, session).load_context()
