"""The exit pipeline: it runs once the job and its MLflow run have ended, whatever happened."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kedro_vertexai.auth.reason import without_secrets
from kedro_vertexai.job_parameter import JOB_PARAMETER
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job_end import JobEnd
from kedro_vertexai.runtime.mlflow_run import Closing
from kedro_vertexai.runtime.task import NodeTask
from kedro_vertexai.tracking.patience import be_patient
from kedro_vertexai.tracking.run import JoinedRun, go_on_untracked

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run


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
    """The job's run while the exit pipeline runs: what that fails of is not the job's failure.

    It has ended already and stays so, for the pipeline may be killed.

    Args:
        run_id: the MLflow id of the run.
        experiment_id: the experiment that it is in.
        status: as the job has ended.
        retry_for: seconds, see `patience`.
    """

    def __init__(self, run_id: str, experiment_id: str, status: str, retry_for: float) -> None:
        super().__init__(run_id, experiment_id, required=False, retry_for=retry_for)
        self._status = status

    def _activate(self, *, nested: bool = False) -> Run:
        import mlflow

        run = mlflow.start_run(run_id=self.run_id, nested=nested)
        self._client().set_terminated(self.run_id, status=self._status)
        return cast("Run", run)

    def _put_back(self) -> None:
        """The run is closed once more when the exit pipeline has ended."""

    def report_success(self, nodes: Collection[str]) -> None:
        """Leave what the job's tasks have said as it is."""

    def report_failure(self, node: str, error: BaseException) -> None:
        """The same; the failure is told when the run is closed."""


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
    closing.close("" if failure is None else _in_one_line(failure))
    if failure is not None:
        raise failure


def _in_one_line(error: BaseException) -> str:
    node = getattr(error, "kedro_vertexai_node", None)
    where = f"node '{node}': " if node else ""
    return where + without_secrets(f"{type(error).__name__}: {error}")


def _run_of(closing: Closing) -> JoinedRun | None:
    """The job's run for the exit pipeline's nodes: without it they run all the same, untracked."""
    if not closing.joins:
        return None
    found = closing.find()
    if found is None:
        go_on_untracked(closing.reason or "the job has no MLflow run")
        return None
    closing.end()
    be_patient(closing.retry_for)
    run_id, experiment_id = found.info.run_id, found.info.experiment_id
    return RunAtTheEnd(run_id, experiment_id, closing.status, closing.retry_for)
