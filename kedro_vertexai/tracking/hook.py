"""kedro-mlflow's hook in a task of a job: it logs the same, with a part of the requests.

kedro-mlflow counts on one process for a run. In a process per task its hook would look for the
experiment again, set tags that speak of this task alone, and log each parameter by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

from kedro_vertexai.job_parameter import JOB_PARAMETER, is_job_parameter
from kedro_vertexai.tracking.first_hook import act_first
from kedro_vertexai.tracking.models import is_logged
from kedro_vertexai.tracking.off import disable_hook

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from kedro_vertexai.tracking.run import JoinedRun

logger = logging.getLogger(__name__)


@contextmanager
def _unadvised() -> Iterator[None]:
    """Keep kedro-mlflow from advising the user to close the run: the last task does."""

    def is_no_advice(record: logging.LogRecord) -> bool:
        return "You should close it manually" not in record.getMessage()

    theirs = logging.getLogger(MlflowHook.__module__)
    theirs.addFilter(is_no_advice)
    try:
        yield
    finally:
        theirs.removeFilter(is_no_advice)


def _logged(inputs: dict[str, Any]) -> dict[str, Any]:
    """A node's inputs without how the job ended: that is no parameter of it, and may be long."""
    found = {name: value for name, value in inputs.items() if not is_job_parameter(name)}
    if JOB_PARAMETER in found.get("parameters", ()):
        everything = dict(found["parameters"])
        del everything[JOB_PARAMETER]
        found["parameters"] = everything
    return found


def use_hook(run: JoinedRun, job_id: str) -> None:
    """Let the next session have this hook in place of kedro-mlflow's own, through settings.

    Args:
        run: the job's.
        job_id: the engine's id of the job.
    """
    from kedro.framework.project import settings

    disable_hook()
    hook = JobHook(run, job_id)
    settings.set("HOOKS", (*settings.HOOKS, hook))
    act_first(hook.join)


class JobHook(MlflowHook):  # type: ignore[misc]
    """kedro-mlflow's hook, for a run that another process has opened and a third will close.

    Args:
        run: the job's, which this task has its part in.
        job_id: the engine's id of the job.
    """

    def __init__(self, run: JoinedRun, job_id: str) -> None:
        super().__init__()
        self._run = run
        self._job_id = job_id
        self._parameters: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    def after_context_created(self, context: KedroContext) -> None:
        """Do nothing here: `join` has its own place in the order of hooks."""

    def join(self, context: KedroContext) -> None:
        """Join the run; the project's own hooks find `context.mlflow` as they are used to."""
        self.mlflow_config = self._run.join(context)
        self._is_mlflow_enabled = self._run.is_joined
        # So it will not be renamed or ended here.
        self._already_active_mlflow = True

    @hook_impl
    def before_pipeline_run(self, catalog: CatalogProtocol[Any, Any]) -> None:
        """Read how parameters are to be logged. The run has its tags since it was opened."""
        if not self._is_mlflow_enabled:
            switch_catalog_logging(catalog, False)
            return
        params = self.mlflow_config.tracking.params
        self.flatten = params.dict_params.flatten
        self.recursive = params.dict_params.recursive
        self.sep = params.dict_params.sep
        self.long_params_strategy = params.long_params_strategy

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: CatalogProtocol[Any, Any], inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Log the node's parameters: in one request, and none that the run has already."""
        if not self._is_mlflow_enabled:
            return
        self._parameters, self._tags = {}, {}
        # Collects them through `_log_param`; without a `run_id` it opens no run again.
        super().before_node_run(
            node=node, catalog=catalog, inputs=_logged(inputs), is_async=is_async
        )
        self._run.node_started(node.name, self._parameters, self._tags)

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Log a pipeline's model. The run stays open, and the catalog is not used again."""
        if not (self._is_mlflow_enabled and isinstance(pipeline, PipelineML)):
            return
        self._run.reopen()
        if is_logged(pipeline, self._job_id):
            logger.info("an earlier attempt has logged the pipeline's model")
            return
        with _unadvised():
            super().after_pipeline_run(run_params, pipeline, catalog)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """The task tells the run of its failure, and the job's last task ends it."""

    def _log_param(self, name: str, value: Any) -> None:
        text = str(value)
        if len(text) <= MAX_PARAM_VAL_LENGTH:
            self._parameters[name] = text
        elif self.long_params_strategy == "tag":
            self._tags[name] = text
        elif self.long_params_strategy == "truncate":
            self._parameters[name] = text[:MAX_PARAM_VAL_LENGTH]
        else:
            # Its own error, which names what to write into mlflow.yml.
            super()._log_param(name, value)
