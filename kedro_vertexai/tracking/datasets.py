"""kedro-mlflow's datasets in a task: what one process saved, another must find; and a retry.

Each of these datasets of a task's nodes is replaced in the catalog by a subclass of its own
class, made from the same entry: it works as before, and besides across processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from kedro_vertexai.catalog_entry import replace_entry

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline


def prepare_datasets(catalog: CatalogProtocol[Any, Any], pipeline: Pipeline, job_id: str) -> None:
    """Replace kedro-mlflow's datasets; to be called before kedro-mlflow's own hook.

    That hook rebuilds metrics without a key, and loses their mode.

    Args:
        catalog: the catalog of a session that has joined the job's MLflow run.
        pipeline: the nodes that will run.
        job_id: the engine's id of the job, which tells its points from those of other jobs that
            log into the same run.
    """
    replacements = _by_class(job_id)
    for name, config in _entries(catalog, pipeline):
        class_name = str(config["type"]).rpartition(".")[2]
        if class_name in replacements:
            class_, more = replacements[class_name]
            _put(catalog, name, {**config, "type": class_, "dataset_name": name, **more})
        elif class_name == "MlflowArtifactDataset":
            _replace_remote_artifact(catalog, name, config)


def _by_class(job_id: str) -> dict[str, tuple[type, dict[str, Any]]]:
    # They are subclasses of kedro-mlflow's: importing them imports mlflow.
    from kedro_vertexai.tracking.metrics import Metric, MetricHistory, MetricsHistory
    from kedro_vertexai.tracking.models import TrackedModel

    return {
        "MlflowModelTrackingDataset": (TrackedModel, {}),
        "MlflowMetricDataset": (Metric, {"job_id": job_id}),
        "MlflowMetricHistoryDataset": (MetricHistory, {}),
        "MlflowMetricsHistoryDataset": (MetricsHistory, {}),
    }


def _entries(
    catalog: CatalogProtocol[Any, Any], pipeline: Pipeline
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of kedro-mlflow's classes that the nodes use, as the catalog has them."""
    resolver: Any = catalog.config_resolver  # type: ignore[attr-defined]
    for name in sorted(pipeline.datasets()):
        config = resolver.resolve_pattern(name)
        if str(config.get("type", "")).startswith("kedro_mlflow."):
            yield name, deepcopy(config)


def _replace_remote_artifact(
    catalog: CatalogProtocol[Any, Any], name: str, config: dict[str, Any]
) -> None:
    from kedro_vertexai.tracking.artifacts import RemoteArtifact, is_remote

    if not config.get("run_id") and is_remote(config.get("dataset")):
        _put(catalog, name, {**config, "type": RemoteArtifact, "dataset_name": name})


def _put(catalog: CatalogProtocol[Any, Any], name: str, config: dict[str, Any]) -> None:
    from kedro.io import AbstractDataset

    # Which is the catalog's own to read.
    own = {key: value for key, value in config.items() if key != "validator"}
    replace_entry(catalog, name, AbstractDataset.from_config(name, own))
