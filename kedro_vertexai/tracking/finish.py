"""Close the job's MLflow run with the status that the job ended in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kedro_vertexai.tracking.run import ERROR_TAG, FAILED_NODE_TAG, MAX_TAG
from kedro_vertexai.tracking.start import experiment_id, find_run

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# Vertex AI's words; the tasks have their names in the pipeline spec.
_FAILED_TASKS = re.compile(r"The failed tasks are: \[([^\]]*)\]")


def close_run(
    context: KedroContext, *, job_id: str, status: str, reason: str
) -> dict[str, Any] | None:
    """End the run that carries this job's id and describe it; None if there is no such run.

    Args:
        context: a context that kedro-mlflow's hook has configured.
        job_id: the engine's id of the job.
        status: FINISHED, FAILED or KILLED.
        reason: the engine's words on why the job failed.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    run = find_run(client, experiment_id(context, client), job_id)
    if run is None:
        return None
    tags = run.data.tags
    if status == "FINISHED":
        # A node failed, was tried again and succeeded.
        for tag in (FAILED_NODE_TAG, ERROR_TAG):
            if tag in tags:
                client.delete_tag(run.info.run_id, tag)
    else:
        _say_what_failed(client, run, reason)
    client.set_terminated(run.info.run_id, status=status)
    return _describe(client, run.info.run_id)


def _say_what_failed(client: MlflowClient, run: Run, reason: str) -> None:
    """Put on the run what no task could say itself: one that was killed, or never joined it."""
    failed = _FAILED_TASKS.search(reason)
    said = {ERROR_TAG: reason, FAILED_NODE_TAG: failed[1] if failed else ""}
    for tag, value in said.items():
        if value and tag not in run.data.tags:
            client.set_tag(run.info.run_id, tag, value[:MAX_TAG])


def _describe(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """The run as a summary shows it: what MLflow itself sets under `mlflow.` is left out."""
    run = client.get_run(run_id)
    return {
        "id": run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "experiment_id": run.info.experiment_id,
        "tracking_uri": client.tracking_uri,
        "tags": {k: v for k, v in sorted(run.data.tags.items()) if not k.startswith("mlflow.")},
    }
