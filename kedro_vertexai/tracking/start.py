"""Open the one MLflow run of a job, however often the task that opens it is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

RUN_ID_TAG = "vertexai_run_id"
JOB_NAME_TAG = "vertexai_job_name"
# Of `kedro_mlflow.framework.hooks.mlflow_hook.MlflowHook.before_pipeline_run`: those of Kedro's
# run parameters that a task of ours can have.
_SET_BY_KEDRO_MLFLOW = (
    "env",
    "kedro_command",
    "kedro_version",
    "load_versions",
    "node_names",
    "pipeline_names",
    "project_path",
    "run_id",
    "runner",
    "runtime_params",
)


def open_run(context: KedroContext, *, job_id: str, job_name: str, pipeline: str, env: str) -> str:
    """Return the id of the job's run, made if it is not there yet.

    Args:
        context: a context that kedro-mlflow's hook has configured.
        job_id: the engine's id of the job: the run carries it as a tag.
        job_name: the engine's name of the job.
        pipeline: the Kedro pipeline, which names the run unless `mlflow.yml` does.
        env: the Kedro environment.
    """
    from mlflow.tracking import MlflowClient

    tracking = context.mlflow.tracking  # type: ignore[attr-defined]
    client = MlflowClient()
    tags = {
        RUN_ID_TAG: job_id,
        JOB_NAME_TAG: job_name,
        "kedro_pipeline": pipeline,
        "kedro_env": env,
    }
    if tracking.run.id:
        for key, value in tags.items():
            client.set_tag(tracking.run.id, key, value)
        return str(tracking.run.id)
    experiment = experiment_id(context, client)
    run = find_run(client, experiment, job_id)
    if run is None:
        client.create_run(
            experiment, run_name=tracking.run.name or pipeline, tags={**_of_tasks(), **tags}
        )
        # Two attempts may have raced: both then take the one that was first.
        run = find_run(client, experiment, job_id)
        assert run is not None, "a run that was just created is found by its tag"
    return str(run.info.run_id)


def _of_tasks() -> dict[str, str]:
    """The tags that kedro-mlflow sets anew in each task, made before the first.

    Two tasks that make the same tag at once fail over each other in MLflow's SQLAlchemy store;
    two that change one do not.
    """
    return dict.fromkeys(_SET_BY_KEDRO_MLFLOW, "")


def experiment_id(context: KedroContext, client: MlflowClient) -> str:
    """The experiment of `mlflow.yml`, which kedro-mlflow's hook has made sure of."""
    name = context.mlflow.tracking.experiment.name  # type: ignore[attr-defined]
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None, "kedro-mlflow creates the experiment when it sets up"
    return str(experiment.experiment_id)


def find_run(client: MlflowClient, experiment: str, job_id: str) -> Run | None:
    """The earliest run that carries the job's id, or None."""
    quoted = job_id.replace("'", "''")
    runs = client.search_runs(
        [experiment],
        filter_string=f"tags.{RUN_ID_TAG} = '{quoted}'",
        order_by=["attributes.start_time ASC"],
        max_results=1,
    )
    return runs[0] if runs else None
