"""One task: parameters and inputs in, a Kedro session for its nodes, outputs out."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.catalog import base_name
from kedro_vertexai.runtime.active import activate
from kedro_vertexai.runtime.boundary import TaskBoundary
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job, without_job
from kedro_vertexai.runtime.parameters import (
    as_runtime_params,
    changed,
    given_parameters,
    overrides,
    put_exactly,
)
from kedro_vertexai.runtime.pipeline_ml import MODEL, TRAINING, no_nodes, train_only
from kedro_vertexai.runtime.task_document import TaskDocument
from kedro_vertexai.task_inputs import TASK
from kedro_vertexai.tracking.datasets import prepare_datasets
from kedro_vertexai.tracking.off import disable_hook, switch_off
from kedro_vertexai.tracking.patience import be_patient
from kedro_vertexai.tracking.run import JoinedRun, go_on_untracked

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline


class NodeTask:
    """A task that runs Kedro nodes.

    Args:
        given: what the engine handed over.
        project_path: the project in this container.
        env: the Kedro environment.
        pipeline: the registered pipeline that holds the nodes.
    """

    def __init__(self, given: ExecutorInput, project_path: Path, env: str, pipeline: str) -> None:
        text = given.parameters.get(TASK, "")
        self._given = given
        self._document = TaskDocument.parse(text, given.inputs, given.outputs)
        self._project_path = project_path
        self._env = env
        self._pipeline = pipeline
        job = Job.of(given.parameters)
        self._job_id = job.id
        self._logs_model = self._document.pipeline_ml == MODEL
        self._boundary = TaskBoundary(
            self._document, given.inputs, given.outputs, project_path, job.id
        )
        files = {
            key: given.inputs[key].path
            for key, boundary in self._document.inputs.items()
            if boundary.travel == "parameter"
        }
        self._given_parameters = given_parameters(self._document, given.parameters, files)
        self._changed: dict[tuple[str, ...], Any] = {}
        self._run = _run_of(job)
        # Until a node starts, and once all are done, an error is the whole task's.
        self._node = ", ".join(self._document.nodes)

    def run(self) -> None:
        """Run the nodes in one Kedro session, all of the project's hooks firing.

        Raises:
            Exception: what a node, a dataset or a hook raised; with the node's name as
                `kedro_vertexai_node`.
            SystemExit: the same, from a node that ends the process, whatever its exit code.
        """
        from kedro.framework.session import KedroSession

        self._boundary.bring_files()
        activate(self)
        self._choose_hook()
        failed = True
        try:
            with KedroSession.create(
                project_path=self._project_path,
                env=self._env,
                runtime_params=self._runtime_params() or None,
            ) as session:
                cast(KedroSession, session).run(
                    pipeline_names=None if self._pipeline == "__default__" else [self._pipeline],
                    node_names=None if self._logs_model else self._document.nodes,
                    runner=no_nodes() if self._logs_model else None,
                    load_versions=self._load_versions() or None,
                )
            self._given.write_output(self._boundary.take_outputs())
            if self._run:
                self._run.report_success(self._document.nodes)
            failed = False
        except (Exception, SystemExit) as error:
            # Not as an attribute: an exception class may be frozen.
            error.__dict__["kedro_vertexai_node"] = self._node
            if self._run:
                self._run.report_failure(self._node, error)
            raise
        finally:
            if self._run:
                self._run.leave(failed=failed)

    def context_created(self, context: KedroContext) -> None:
        loader: Any = context.config_loader
        if self._changed:
            parameters = loader["parameters"]
            put_exactly(parameters, self._changed)
            loader["parameters"] = parameters
        if self._document.pipeline_ml == TRAINING:
            train_only(self._pipeline)

    def catalog_made(self, catalog: CatalogProtocol[Any, Any]) -> None:
        if self._run and self._run.is_joined:
            prepare_datasets(catalog, self._nodes(), self._job_id)

    def catalog_created(self, catalog: CatalogProtocol[Any, Any], save_version: str) -> None:
        if self._run is None:
            switch_off(catalog, self._nodes().datasets())
        self._boundary.enter_catalog(catalog, save_version)
        # The project is loaded and no node has run: what is there now will stay.
        gc.freeze()
        gc.enable()

    def node_started(self, node: str) -> None:
        self._node = node

    def dataset_saved(self, name: str, data: Any) -> None:
        self._boundary.dataset_saved(name, data)

    def _choose_hook(self) -> None:
        """Which hook of kedro-mlflow's the session gets: ours for the job's run, or none."""
        if self._run is None:
            disable_hook()
            return
        from kedro_vertexai.tracking.hook import use_hook

        use_hook(self._run, self._job_id)

    def _nodes(self) -> Pipeline:
        """What this task is asked to run, as Kedro has it."""
        from kedro.framework.project import pipelines

        pipeline: Pipeline = pipelines[self._pipeline]
        return pipeline if self._logs_model else pipeline.only_nodes(*self._document.nodes)

    def _load_versions(self) -> dict[str, str]:
        """What `kedro run --load-versions` would be given, with the names that nodes read by."""
        versions = self._boundary.versions()
        if not versions:
            return {}
        from kedro.framework.project import pipelines

        names = pipelines[self._pipeline].datasets()
        return {name: versions[base_name(name)] for name in names if base_name(name) in versions}

    def _runtime_params(self) -> dict[str, Any]:
        if not self._given_parameters:
            return {}
        configured = configured_parameters(self._project_path, self._env)
        self._changed = changed(self._given_parameters, configured)
        nested = overrides(self._given_parameters, configured)
        return as_runtime_params(nested)  # type: ignore[no-any-return]


def _run_of(job: Job) -> JoinedRun | None:
    """The task's part in the job's MLflow run, if that has one."""
    if job.untracked:
        go_on_untracked(job.untracked)
    if not job.run_id:
        return None
    be_patient(job.retry_for)
    return JoinedRun(job.run_id, job.experiment_id, required=job.required, retry_for=job.retry_for)


def configured_parameters(project_path: Path, env: str) -> dict[str, Any]:
    """The project's parameters as when compiled: no runtime parameter, no job; empty if unknown.

    They cannot be known before the session where a resolver needs a runtime parameter, or is
    registered by a hook. Other mistakes in them are the session's to tell.
    """
    from kedro.framework.project import settings

    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(project_path / settings.CONF_SOURCE),
        env=env,
        runtime_params={},
        **settings.CONFIG_LOADER_ARGS,
    )
    with without_job(), suppress(Exception):
        return loader["parameters"]  # type: ignore[no-any-return]
    return {}
