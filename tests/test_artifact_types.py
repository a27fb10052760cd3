"""Which artifact type a dataset has: by its class, its place and what its node returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from kedro_vertexai.artifact_types import return_annotations, type_of_return
from kedro_vertexai.catalog import describe_datasets

PICKLE = {"type": "pickle.PickleDataset", "filepath": "data/x.pkl"}


@pytest.mark.parametrize(
    ("entry", "type_"),
    [
        (None, "Artifact"),
        (PICKLE, "Artifact"),
        ({"type": "pandas.CSVDataset", "filepath": "x.csv"}, "Dataset"),
        ({"type": "pandas.SQLTableDataset", "table_name": "t"}, "Dataset"),
        ({"type": "text.TextDataset", "filepath": "report.html"}, "HTML"),
        ({"type": "text.TextDataset", "filepath": "gs://b/report.HTML"}, "HTML"),
        ({"type": "text.TextDataset", "filepath": "report.md"}, "Markdown"),
        ({"type": "matplotlib.MatplotlibDataset", "filepath": "x.png"}, "Artifact"),
        ({"type": "kedro_mlflow.io.metrics.MlflowMetricDataset"}, "Metrics"),
        ({"type": "kedro_mlflow.io.models.MlflowModelTrackingDataset"}, "Model"),
        ({**PICKLE, "metadata": {"vertexai": {"type": "Model"}}}, "Model"),
    ],
)
def test_the_class_and_the_place_tell(entry: dict[str, Any] | None, type_: str) -> None:
    catalog = {} if entry is None else {"x": entry}
    assert describe_datasets(catalog, ["x"], Path("/project"))["x"].artifact == f"system.{type_}"


JSON = ("kedro_datasets.json.json_dataset.JSONDataset",)
CSV = ("kedro_datasets.pandas.csv_dataset.CSVDataset",)
PICKLES = ("kedro_datasets.pickle.pickle_dataset.PickleDataset",)


@pytest.mark.parametrize(
    ("annotation", "names", "type_"),
    [
        (LinearRegression, (), "system.Model"),
        (LinearRegression, PICKLES, "system.Model"),
        (pd.DataFrame, (), "system.Dataset"),
        (dict[str, float], (), "system.Metrics"),
        (dict[str, float], JSON, "system.Metrics"),
        (dict[str, str], JSON, ""),
        (dict[str, float], CSV, ""),
        (LinearRegression, CSV, ""),
        (None, (), ""),
        (int, (), ""),
    ],
)
def test_what_a_node_returns_tells_where_the_class_does_not(
    annotation: Any, names: tuple[str, ...], type_: str
) -> None:
    assert type_of_return(annotation, names) == type_


def test_each_output_of_a_function_has_its_part_of_the_annotation() -> None:
    def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, LinearRegression]: ...

    def unknown() -> Undefined: ...  # type: ignore[name-defined]  # noqa: F821

    assert return_annotations(split, 2) == [pd.DataFrame, LinearRegression]
    assert return_annotations(split, 3) == [None, None, None]
    assert return_annotations(unknown, 1) == [None]
    assert return_annotations(len, 1) == [None]
