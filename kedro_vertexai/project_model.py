"""A pipeline that kedro-mlflow logs as a model: what `pipeline_ml_factory` makes.

Only a project whose own code has imported kedro-mlflow can have one: it is not imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.catalog import Dataset, Kind, base_name, is_parameter
from kedro_vertexai.errors import ProjectError

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

_MODULE = "kedro_mlflow.pipeline.pipeline_ml"
# What users see the node as that logs the model, and give resources to.
_NODE = "mlflow-log-model"


@dataclass(frozen=True)
class Model:
    """What the model is made of.

    Args:
        inputs: datasets and parameters that must be there when it is logged.
        artifacts: those of the datasets that become files inside the model.
    """

    inputs: tuple[str, ...]
    artifacts: tuple[str, ...]


def plain(pipeline: Pipeline) -> Pipeline:
    """The pipeline as Kedro's own class: of a model's, the part that trains it."""
    return pipeline.training if _is_ml(pipeline) else pipeline  # type: ignore[attr-defined]


def find_model(
    pipeline: Any, name: str, filters: Mapping[str, Any]
) -> tuple[Model | None, list[str]]:
    """What must be logged once the pipeline has run, and what the user should know of it.

    Args:
        pipeline: the registered pipeline.
        name: its name, for messages.
        filters: the arguments of `Pipeline.filter`, if only a part is to run.
    """
    if not _is_ml(pipeline):
        return None, []
    if any(filters.values()):
        error = sys.modules[_MODULE].KedroMlflowPipelineMLError
        try:
            pipeline = pipeline.filter(**filters)
        except error:
            note = (
                f"pipeline '{name}' is not logged as a model: the nodes asked for do not make "
                "all that its inference pipeline reads"
            )
            return None, [note]
        except ValueError:
            # Told with the nodes, of which the filter names one that is not there.
            return None, []
    read = pipeline.inference.inputs()
    given = pipeline.input_name
    # kedro-mlflow reads the data that a model is given only to describe it.
    needs_data = pipeline.log_model_kwargs.get("signature") == "auto"
    inputs = sorted(read if needs_data else read - {given})
    artifacts = sorted(entry for entry in read - {given} if not is_parameter(entry))
    return Model(tuple(inputs), tuple(artifacts)), []


def check_artifacts(model: Model, datasets: Mapping[str, Dataset], pipeline: str) -> None:
    """Refuse what kedro-mlflow cannot put into a model, before anything is trained.

    Raises:
        ProjectError: a dataset is no file on the local disk.
    """
    for name in model.artifacts:
        dataset = datasets[base_name(name)]
        if dataset.kind is not Kind.LOCAL:
            raise ProjectError(
                f"pipeline '{pipeline}' cannot be logged as a model: its inference pipeline reads "
                f"dataset '{name}', {dataset.reason}; kedro-mlflow takes files only: give it a "
                "local filepath in the catalog"
            )


def free_name(taken: Iterable[str]) -> str:
    """The name of the node that logs the model: no other's."""
    names = set(taken)
    name = _NODE
    while name in names:
        name += "-2"
    return name


def _is_ml(pipeline: Any) -> bool:
    module = sys.modules.get(_MODULE)
    return module is not None and isinstance(pipeline, module.PipelineML)
