"""The first task, which opens the MLflow run, and the last, which closes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.runtime.active import activate
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job
from kedro_vertexai.task_inputs import JOB, RUN, STATUS
from kedro_vertexai.tracking.config import adapt_store, store_lock
from kedro_vertexai.tracking.finish import close_run
from kedro_vertexai.tracking.start import open_run

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol

_STATES = {"SUCCEEDED": "FINISHED", "COMPLETE": "FINISHED", "CANCELLED": "KILLED"}


class _ContextOnly:
    """Loads the project's configuration of MLflow, and runs nothing."""

    def context_created(self, context: KedroContext) -> None:
        adapt_store(context)

    def catalog_created(self, catalog: CatalogProtocol[Any, Any], save_version: str) -> None: ...

    def node_started(self, node: str) -> None: ...

    def dataset_saved(self, name: str, data: Any) -> None: ...


def start_run(given: ExecutorInput, project_path: Path, env: str, pipeline: str) -> None:
    """Open the experiment and the run as `mlflow.yml` says, and hand its id to every task."""
    job = Job.of(given.parameters)
    with store_lock():
        context = _load_context(given, project_path, env)
        run_id = open_run(context, job_id=job.id, job_name=job.name, pipeline=pipeline, env=env)
    given.write_parameter(JOB, replace(job, run_id=run_id).document())


def finish_run(given: ExecutorInput, project_path: Path, env: str) -> None:
    """Close the job's MLflow run with the status that the job ended in."""
    status = _status(given.parameters.get(STATUS))
    with store_lock():
        context = _load_context(given, project_path, env)
        run = close_run(
            context,
            job_id=Job.of(given.parameters).id,
            status=_STATES.get(str(status.get("state", "")).upper(), "FAILED"),
            reason=str((status.get("error") or {}).get("message", "")),
        )
    given.write_parameter(RUN, json.dumps(run))


def _load_context(given: ExecutorInput, project_path: Path, env: str) -> KedroContext:
    """A context on which kedro-mlflow's own hook has set up the tracking server."""
    from kedro.framework.session import KedroSession

    from kedro_vertexai.runtime.parameters import as_runtime_params

    runtime_params = json.loads(given.parameters.get("runtime_params") or "{}")
    activate(_ContextOnly())
    with KedroSession.create(
        project_path=project_path,
        env=env,
        runtime_params=as_runtime_params(runtime_params) or None,
    ) as session:
        return cast(KedroSession, session).load_context()


def _status(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = json.loads(value or "{}")
    return value if isinstance(value, dict) else {}
