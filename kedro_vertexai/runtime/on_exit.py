"""The exit pipeline: it runs once the job has ended, whatever happened; then its run is closed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.job_parameter import JOB_PARAMETER
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job_end import JobEnd
from kedro_vertexai.runtime.mlflow_run import Closing
from kedro_vertexai.runtime.task import NodeTask
from kedro_vertexai.tracking import tags
from kedro_vertexai.tracking.patience import be_patient, without_retries
from kedro_vertexai.tracking.run import JoinedRun, go_on_untracked

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

logger = logging.getLogger(__name__)


class ExitTask(NodeTask):
    """All nodes of the exit pipeline in one session, which is told how the job ended.

    Args:
        given: what the engine handed over.
        project_path: the project in this container.
        env: the Kedro environment.
        pipeline: the exit pipeline.
        run: the job's MLflow run, if its nodes log into it.
    """

    def __init__(
        self,
        given: ExecutorInput,
        project_path: Path,
        env: str,
        pipeline: str,
        run: JoinedRun | None = None,
    ) -> None:
        super().__init__(given, project_path, env, pipeline)
        self._run = run
        self._end = JobEnd.of(given)

    def context_created(self, context: KedroContext) -> None:
        # As a parameter of the configuration, so that Kedro makes `params:vertexai_job.state` too.
        self._changed = {**self._changed, (JOB_PARAMETER,): self._end.parameter()}
        super().context_created(context)


class RunAtTheEnd(JoinedRun):
    """The job's run while the exit pipeline runs: what that fails of is not the job's failure."""

    def report_success(self, nodes: Collection[str]) -> None:  # noqa: ARG002
        """Take back what an earlier attempt said."""
        if not self.is_joined:
            return
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        if tags.ON_EXIT_ERROR in client.get_run(self.run_id).data.tags:
            client.delete_tag(self.run_id, tags.ON_EXIT_ERROR)

    def report_failure(self, node: str, error: BaseException) -> None:
        """Say it beside the job's own failure, if there is one."""
        if not self.is_joined:
            return
        from mlflow.exceptions import MlflowException

        text = " ".join(f"node '{node}': {type(error).__name__}: {error}".split())
        try:
            with without_retries():
                self._log({}, tags.filled({tags.ON_EXIT_ERROR: text}))
        except MlflowException:
            # The node's own error matters more, and may be the same: a server that is gone.
            logger.warning("the MLflow run could not be told of the failure", exc_info=True)


def run_and_finish(given: ExecutorInput, project_path: Path, env: str, pipeline: str) -> None:
    """Run the exit pipeline, and close the job's MLflow run whatever came of that.

    Raises:
        Exception: what the exit pipeline raised; the run is closed.
        TrackingError: MLflow does not let the run be closed, and it is required.
    """
    closing = Closing(given, project_path, env)
    failure: BaseException | None = None
    try:
        run = _run_of(closing)
        ExitTask(given, project_path, env, pipeline, run).run()
    except (Exception, SystemExit) as error:
        failure = error
    closing.close(required=failure is None)
    if failure is not None:
        raise failure


def _run_of(closing: Closing) -> JoinedRun | None:
    """The job's run for the exit pipeline's nodes: without it they run all the same, untracked."""
    if not closing.joins:
        return None
    found = closing.find()
    if found is None:
        go_on_untracked(closing.reason or "the job has no MLflow run")
        return None
    be_patient(closing.retry_for)
    run_id, experiment_id = found.info.run_id, found.info.experiment_id
    return RunAtTheEnd(run_id, experiment_id, required=False, retry_for=closing.retry_for)
