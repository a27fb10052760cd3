"""One task's part in the job's MLflow run: join it, leave it open, say what failed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from kedro_vertexai.tracking.config import adapt_store

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

logger = logging.getLogger(__name__)

FAILED_NODE_TAG = "vertexai_failed_node"
ERROR_TAG = "vertexai_error"
# MLflow refuses longer tag values: mlflow.utils.validation.MAX_TAG_VAL_LENGTH.
MAX_TAG = 5000


class JoinedRun:
    """The job's run, active in this process before kedro-mlflow acts.

    kedro-mlflow respects a run that is active when a session starts: it logs into it, and
    neither renames nor ends it.

    Args:
        run_id: the MLflow id of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._joined = False
        self._failed_before: str | None = None

    def join(self, context: KedroContext) -> None:
        """Set up the server as `mlflow.yml` says and make the run the active one."""
        import mlflow
        from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

        config = KedroMlflowConfig.model_validate(adapt_store(context))
        config.setup(context)
        run = mlflow.start_run(run_id=self._run_id)
        self._failed_before = run.data.tags.get(FAILED_NODE_TAG)
        self._joined = True

    def leave(self) -> None:
        """Let go of the run without ending it: only the last task does that."""
        if not self._joined:
            return
        import mlflow

        while mlflow.active_run():
            mlflow.end_run("RUNNING")

    def report_success(self, nodes: Collection[str]) -> None:
        """Take back what an earlier attempt of these nodes said of its failure."""
        if self._failed_before in nodes:
            from mlflow.tracking import MlflowClient

            client = MlflowClient()
            for tag in (FAILED_NODE_TAG, ERROR_TAG):
                client.delete_tag(self._run_id, tag)

    def report_failure(self, node: str, error: BaseException) -> None:
        """Put the failed node and its error on the run, where a reader looks first."""
        if not self._joined:
            return
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        try:
            client.set_tag(self._run_id, FAILED_NODE_TAG, node[:MAX_TAG])
            client.set_tag(self._run_id, ERROR_TAG, f"{type(error).__name__}: {error}"[:MAX_TAG])
        except MlflowException:
            # The node's own error matters more, and may be the same: a server that is gone.
            logger.warning("the MLflow run could not be told of the failure", exc_info=True)
