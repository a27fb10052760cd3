"""A model that one task logs to MLflow and another loads. Importing this imports mlflow."""

from __future__ import annotations

from typing import Any

import mlflow
from kedro.io import DatasetError
from kedro_mlflow.io.models import MlflowModelTrackingDataset
from kedro_mlflow.pipeline.pipeline_ml import PipelineML
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from kedro_vertexai.tracking.tags import RUN_ID

# A tag of the logged model: the catalog's name of the dataset that logged it.
DATASET_TAG = "kedro_dataset"


class TrackedModel(MlflowModelTrackingDataset):  # type: ignore[misc]
    """kedro-mlflow's dataset, whose model another process finds by the run and the name.

    Args:
        dataset_name: the dataset's name in the catalog.
        arguments: those of kedro-mlflow's class.
    """

    def __init__(self, *, dataset_name: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._dataset_name = dataset_name

    @property
    def model_uri(self) -> str:
        """As configured, else as this process saved it, else as another task did.

        Raises:
            DatasetError: no task of this run has logged it.
        """
        try:
            return str(super().model_uri)
        except DatasetError:
            model = logged_model(self._dataset_name)
        if model is None:
            raise DatasetError(
                f"no task of this MLflow run has logged the model '{self._dataset_name}': run the "
                "node that writes it too, or set load_args.model_uri in the catalog"
            )
        return str(model.model_uri)

    def _save(self, model: Any) -> None:
        super()._save(model)
        if self.model_info is not None:
            tags = {DATASET_TAG: self._dataset_name}
            mlflow.MlflowClient().set_logged_model_tags(self.model_info.model_id, tags)


def logged_model(dataset_name: str) -> LoggedModel | None:
    """The newest model that a task of the active run has saved as this dataset.

    The newest: a task that was tried again has logged one each time.
    """
    return next(iter(_models(DATASET_TAG, dataset_name)), None)


def is_logged(pipeline: PipelineML, job_id: str) -> bool:
    """Whether an earlier attempt at the task that logs a pipeline as a model has done so.

    Such a model is marked when it is made, and its registration made up for. What an attempt
    has left unfinished is deleted.

    Args:
        pipeline: whose model it is; the one that is logged next gets the mark.
        job_id: the engine's id of the job.
    """
    client = mlflow.MlflowClient()
    found = _models(RUN_ID, job_id)
    for model in found:
        if model.status != LoggedModelStatus.READY:
            client.delete_logged_model(model.model_id)
    ready = [model for model in found if model.status == LoggedModelStatus.READY]
    arguments = pipeline.log_model_kwargs
    tags = {**(arguments.get("tags") or {}), RUN_ID: job_id}
    if not ready:
        arguments["tags"] = tags
        return False
    name = arguments.get("registered_model_name")
    if name and not _is_registered(ready[0], name):
        mlflow.register_model(ready[0].model_uri, name, tags=tags)
    return True


def _is_registered(model: LoggedModel, name: str) -> bool:
    """Whether a model has a version in the registry; its own tag says so a moment later."""
    if MLFLOW_MODEL_VERSIONS in model.tags:
        return True
    quoted = name.replace("'", "''")
    versions = mlflow.MlflowClient().search_model_versions(f"name = '{quoted}'")
    # MLflow's own store keeps the source alone.
    return any(
        model.model_id == version.model_id or model.model_uri == version.source
        for version in versions
    )


def _models(tag: str, value: str) -> list[LoggedModel]:
    """The models of the active run that have such a tag, the newest first."""
    run = mlflow.active_run()
    if run is None:
        return []
    models = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id],
        filter_string=f"source_run_id = '{run.info.run_id}'",
        order_by=[{"field_name": "creation_timestamp", "ascending": False}],
        output_format="list",
    )
    # Compared here and not by the filter, which a quote in a name would end.
    return [model for model in models if model.tags.get(tag) == value]
