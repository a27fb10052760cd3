"""Open the one MLflow run of a job, however often the task that opens it is tried."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.errors import TrackingError
from kedro_vertexai.tracking import tags
from kedro_vertexai.tracking.config import set_up

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)


def open_experiment(context: KedroContext) -> None:
    """Set up the server and the experiment as `mlflow.yml` says."""
    set_up(context, _made_sure_of)


def open_run(context: KedroContext, *, name: str, said: Mapping[str, str]) -> tuple[str, str]:
    """Return the ids of the job's run, made if it is not there yet, and of its experiment.

    Args:
        context: that `open_experiment` has set up.
        name: of the run, unless `mlflow.yml` names it.
        said: the run's tags; the job's id is one of them.

    Raises:
        TrackingError: `mlflow.yml` names a run that cannot be used.
    """
    from mlflow.tracking import MlflowClient

    tracking = context.mlflow.tracking  # type: ignore[attr-defined]
    experiment = tracking.experiment._experiment
    client = MlflowClient()
    if run_id := named_run(context):
        _resume(client, client.get_run(run_id), experiment, tracking.run.name, said)
        return run_id, experiment.experiment_id
    runs = find_runs(client, [experiment.experiment_id], said[tags.RUN_ID])
    if not runs:
        made = client.create_run(
            experiment.experiment_id, run_name=tracking.run.name or name, tags=dict(said)
        )
        # Another attempt may have done the same meanwhile: both take the one that was first.
        runs = find_runs(client, [experiment.experiment_id], said[tags.RUN_ID])
        if runs and runs[0].info.run_id != made.info.run_id:
            client.delete_run(made.info.run_id)
        runs = runs or [made]
    return runs[0].info.run_id, experiment.experiment_id


def named_run(context: KedroContext) -> str:
    """The id of the run that is to be gone on with; empty for one of the job's own.

    Args:
        context: on which MLflow is set up.
    """
    tracking = context.mlflow.tracking  # type: ignore[attr-defined]
    # kedro-mlflow lets MLflow read the variable where mlflow.yml names no run.
    return str(tracking.run.id or os.environ.get("MLFLOW_RUN_ID") or "")


def find_runs(
    client: MlflowClient, experiments: list[str], value: str, tag: str = tags.RUN_ID
) -> list[Run]:
    """The runs that carry the job's id, the earliest first; there should be one or none.

    Args:
        client: of the server.
        experiments: the MLflow ids of those that they may be in.
        value: the job's id, or what another tag says.
        tag: where that stands.
    """
    quoted = value.replace("'", "''")
    runs = client.search_runs(experiments, filter_string=f"tags.{tag} = '{quoted}'")
    return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))


def _made_sure_of(config: Any) -> Experiment:
    """The experiment, in kedro-mlflow's own way."""
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
    from mlflow.exceptions import MlflowException

    try:
        KedroMlflowConfig._set_experiment(config)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        # Another job has made it between the question and the answer.
        KedroMlflowConfig._set_experiment(config)
    return cast("Experiment", config.tracking.experiment._experiment)


def _resume(
    client: MlflowClient,
    run: Run,
    experiment: Experiment,
    name: str | None,
    said: Mapping[str, str],
) -> None:
    """Go on with a run that is there, as the user asks for: it gets this job's tags."""
    from mlflow.entities import RunTag

    run_id = run.info.run_id
    if run.info.lifecycle_stage != "active":
        raise TrackingError(f"the run {run_id} that mlflow.yml names is deleted: restore it")
    if run.info.experiment_id != experiment.experiment_id:
        raise TrackingError(
            f"the run {run_id} that mlflow.yml names is in experiment {run.info.experiment_id}, "
            f"not in {experiment.name!r} ({experiment.experiment_id}): "
            "name the one it is in under tracking.experiment.name"
        )
    _warn_of_another_job(run, said[tags.RUN_ID])
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in said.items()])
    for tag in (*tags.OF_FAILURE, tags.CLOSED):
        if tag in run.data.tags:
            client.delete_tag(run_id, tag)
    client.update_run(run_id, status="RUNNING", name=name)


def _warn_of_another_job(run: Run, job_id: str) -> None:
    """Say whose run it is, if a job has opened it and has not closed it."""
    said = run.data.tags
    is_open = run.info.status == "RUNNING" and tags.CLOSED not in said
    if is_open and said.get(tags.RUN_ID, job_id) != job_id:
        logger.warning(
            "THE MLFLOW RUN %s, WHICH mlflow.yml NAMES, IS OPEN FOR ANOTHER JOB, %s, and belongs "
            "to this one from now on. If that job still runs, both log into it, and it ends as "
            "this one does",
            run.info.run_id,
            said.get(tags.JOB_NAME, said[tags.RUN_ID]),
        )
