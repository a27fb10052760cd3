"""One task's part in the job's MLflow run: join it, leave it open, say what failed."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.errors import TrackingError
from kedro_vertexai.tracking import tags
from kedro_vertexai.tracking.config import keep_set_up, set_up, store_uri
from kedro_vertexai.tracking.latest_node import LatestNode
from kedro_vertexai.tracking.parameters import not_yet_logged
from kedro_vertexai.tracking.patience import soon, without_retries
from kedro_vertexai.tracking.server import one_line_errors

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)


class JoinedRun:
    """The job's run, active in this process before kedro-mlflow acts.

    kedro-mlflow respects a run that is active when a session starts: it logs into it, and
    neither renames nor ends it.

    Args:
        run_id: the MLflow id of the run.
        experiment_id: the experiment that it is in.
        required: whether a task fails that cannot join it.
        retry_for: seconds, see `patience`.
    """

    def __init__(
        self, run_id: str, experiment_id: str, *, required: bool = True, retry_for: float = 60.0
    ) -> None:
        self.run_id = run_id
        self.is_joined = False
        self._server = ""
        self._experiment_id = experiment_id
        self._required = required
        self._retry_for = retry_for
        self._is_foreign = False
        self._failed_before: str | None = None
        self._parameters: dict[str, str] = {}
        self._latest = LatestNode(self._tell_later)

    def join(self, context: KedroContext) -> Any:
        """Set up the server as `mlflow.yml` says and make the run the active one.

        Returns:
            kedro-mlflow's configuration.

        Raises:
            TrackingError: the run cannot be joined, and is required.
        """
        import mlflow

        config = None
        try:
            with one_line_errors("cannot join the MLflow run"), soon(self._retry_for):
                # Before mlflow.yml is looked at, which may name another server than it is on.
                if run := mlflow.active_run():
                    config = keep_set_up(context, run)
                    self._respect(run)
                else:
                    config = set_up(context, self._find_experiment)
                    self._start()
        except TrackingError as error:
            if self._required:
                raise
            go_on_untracked(str(error))
        return config

    def leave(self, *, failed: bool) -> None:
        """Let go of the run without a word on its status: only the last task ends it."""
        if not self.is_joined or self._is_foreign:
            return
        import mlflow
        from mlflow.exceptions import MlflowException

        from kedro_vertexai.tracking.active_run import let_go

        self._latest.stop()
        is_open = False
        while run := mlflow.active_run():
            if run.info.run_id == self.run_id:
                is_open = True
                let_go()
                continue
            try:
                with without_retries():
                    # A nested run that a node has left open ends with the task.
                    mlflow.end_run("FAILED" if failed else "FINISHED")
            except MlflowException:
                logger.debug("MLflow was not told that a nested run has ended", exc_info=True)
        if not is_open:
            self._put_back()

    def node_started(
        self, node: str, parameters: Mapping[str, str], more: Mapping[str, str]
    ) -> None:
        """Log what is new on the run before a node runs: in one request, or in none.

        Args:
            node: the node.
            parameters: those that it reads.
            more: tags.

        Raises:
            TrackingError: the run has another value of a parameter.
            MlflowException: the server is lost, and the run is required.
        """
        from mlflow.exceptions import MlflowException

        try:
            self._tell(node, parameters, more)
        except MlflowException as error:
            if self._required:
                raise
            logger.warning("THE START OF %s IS NOT TRACKED: %s", node, reason_of(error))

    def _tell(self, node: str, parameters: Mapping[str, str], more: Mapping[str, str]) -> None:
        self.reopen()
        new = not_yet_logged(parameters, self._parameters)
        if not (new or more or self._latest.is_due()):
            self._latest.later(node)
            return
        self._latest.told()
        self._log(new, {**more, **tags.filled({tags.CURRENT_NODE: node})})
        self._parameters.update(new)

    def _tell_later(self, node: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._log({}, tags.filled({tags.CURRENT_NODE: node}))
        except MlflowException:
            # It is news, not a result: the next node tells its own.
            logger.debug("MLflow was not told that %s has started", node, exc_info=True)

    def report_success(self, nodes: Collection[str]) -> None:
        """Take back what an earlier attempt of these nodes said of its failure."""
        # What fails outside of a node is all nodes' failure.
        mine = {*nodes, ", ".join(nodes)}
        if self._failed_before not in mine:
            return
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            said = client.get_run(self.run_id).data.tags
            # Another node may have failed since.
            if said.get(tags.FAILED_NODE) in mine:
                for tag in tags.OF_FAILURE:
                    if tag in said:
                        client.delete_tag(self.run_id, tag)
        except MlflowException:
            # The work is done, and the last task takes it back where the job succeeds.
            logger.warning("the MLflow run still tells of a failure", exc_info=True)

    def report_failure(self, node: str, error: BaseException) -> None:
        """Put the failed node and its error on the run, where a reader looks first."""
        if not self.is_joined:
            return
        from mlflow.exceptions import MlflowException

        try:
            with without_retries():
                self._log({}, tags.failure_tags(node, error))
        except MlflowException:
            # The node's own error matters more, and may be the same: a server that is gone.
            logger.warning("the MLflow run could not be told of the failure", exc_info=True)

    def _find_experiment(self, _: Any) -> Any:
        import mlflow

        return mlflow.set_experiment(experiment_id=self._experiment_id)

    def _start(self) -> None:
        import mlflow

        # A run that a node nests would take it for its own.
        os.environ.pop("MLFLOW_RUN_ID", None)
        self._server = mlflow.get_tracking_uri()
        self._remember(self._activate())

    def _respect(self, run: Run) -> None:
        """Log into a run that the project has started, and leave it as it is."""
        import mlflow

        logger.warning(
            "the MLflow run %s is already active, so this task logs into it and not into "
            "the job's, %s",
            run.info.run_id,
            self.run_id,
        )
        self.run_id = run.info.run_id
        self._is_foreign = True
        self._server = mlflow.get_tracking_uri()
        self._remember(run)

    def _remember(self, run: Run) -> None:
        self._failed_before = run.data.tags.get(tags.FAILED_NODE)
        self._parameters = dict(run.data.params)
        self.is_joined = True

    def reopen(self) -> None:
        """Make the run the active one again, whatever the node before has done with it."""
        import mlflow

        run = mlflow.active_run()
        if run is None or run.info.run_id != self.run_id:
            self._activate(nested=run is not None)

    def _activate(self, *, nested: bool = False) -> Run:
        """Make the run MLflow's active one, which sets it to RUNNING.

        Raises:
            TrackingError: it has been closed, and is so again.
        """
        import mlflow

        from kedro_vertexai.tracking.active_run import let_go

        run = mlflow.start_run(run_id=self.run_id, nested=nested)
        # As they are after that: whoever closes the run says so before.
        if closed := run.data.tags.get(tags.CLOSED):
            let_go()
            self._client().set_terminated(self.run_id, status=closed)
            raise TrackingError(
                f"the job has ended, and its MLflow run {self.run_id} is closed as {closed}: "
                "what this task does comes too late"
            )
        return cast("Run", run)

    def _put_back(self) -> None:
        """Let the run go on which a node has ended, unless the job has ended too."""
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            with without_retries():
                run = client.get_run(self.run_id)
                if run.info.status == "RUNNING" or tags.CLOSED in run.data.tags:
                    return
                client.update_run(self.run_id, status="RUNNING")
                # The job may have ended between the two.
                if closed := client.get_run(self.run_id).data.tags.get(tags.CLOSED):
                    client.set_terminated(self.run_id, status=closed)
        except MlflowException:
            # The next task that joins the run does the same, and the last one closes it.
            logger.debug("the MLflow run was not put back", exc_info=True)

    def _client(self) -> MlflowClient:
        """Of the run's server, where a node may have pointed MLflow elsewhere."""
        from mlflow.tracking import MlflowClient

        return MlflowClient(self._server)

    def _log(self, parameters: Mapping[str, str], said: Mapping[str, str]) -> None:
        from mlflow.entities import Param, RunTag
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            client.log_batch(
                self.run_id,
                params=[Param(key, value) for key, value in parameters.items()],
                tags=[RunTag(key, value) for key, value in said.items()],
            )
        except MlflowException:
            if not parameters:
                raise
            # Perhaps a task that runs beside this one has logged some of them meanwhile: the
            # server then refuses the whole batch, even where the values are the same.
            left = not_yet_logged(parameters, client.get_run(self.run_id).data.params)
            if len(left) == len(parameters):
                raise
            self._log(left, said)


def go_on_untracked(reason: str) -> None:
    """Say that this task logs nothing to the job's run, and see that it can do without.

    What nodes log themselves goes into a store that is thrown away with the container.
    """
    logger.warning("THIS TASK IS NOT TRACKED: %s", reason)
    store = store_uri(Path(tempfile.mkdtemp(prefix="untracked-")))
    os.environ["MLFLOW_TRACKING_URI"] = store
    os.environ.pop("MLFLOW_REGISTRY_URI", None)
    os.environ.pop("MLFLOW_RUN_ID", None)
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    os.environ.pop("MLFLOW_EXPERIMENT_NAME", None)
    _forget_server(store)


def _forget_server(store: str) -> None:
    """Where MLflow has been told of a server, it does not ask the environment any more."""
    import sys

    if "mlflow" in sys.modules:
        import mlflow

        mlflow.set_tracking_uri(store)
        mlflow.set_registry_uri(store)
        # MLflow keeps the number of the server's experiment, which this store does not have.
        mlflow.set_experiment("untracked")
