"""A model that one task logs to MLflow and another loads. Importing this imports mlflow."""

from __future__ import annotations

from typing import Any

import mlflow
from kedro.io import DatasetError
from kedro_mlflow.io.models import MlflowModelTrackingDataset
from mlflow.entities import LoggedModel

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
    run = mlflow.active_run()
    if run is None:
        return None
    models = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id],
        filter_string=f"source_run_id = '{run.info.run_id}'",
        order_by=[{"field_name": "creation_timestamp", "ascending": False}],
        output_format="list",
    )
    # Compared here and not by the filter, which a quote in a name would end.
    return next((model for model in models if model.tags.get(DATASET_TAG) == dataset_name), None)
