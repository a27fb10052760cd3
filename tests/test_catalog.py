"""What each dataset is: decided from the catalog, without making one."""

from pathlib import Path
from typing import Any

import pytest

from kedro_vertexai.catalog import Dataset, Kind, base_name, describe_datasets, is_parameter
from kedro_vertexai.errors import ProjectError

PROJECT = Path("/project")
PICKLE = "pickle.PickleDataset"


def described(entry: dict[str, Any] | None, name: str = "x") -> Dataset:
    return describe_datasets({} if entry is None else {name: entry}, [name], PROJECT)[name]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (None, Kind.MEMORY),
        ({"type": "MemoryDataset"}, Kind.MEMORY),
        ({"type": "kedro.io.MemoryDataset", "copy_mode": "assign"}, Kind.MEMORY),
        ({"type": PICKLE, "filepath": "data/x.pkl"}, Kind.LOCAL),
        ({"type": PICKLE, "filepath": "file:///data/x.pkl"}, Kind.LOCAL),
        ({"type": f"kedro_datasets.{PICKLE}", "filepath": "/data/x.pkl"}, Kind.LOCAL),
        ({"type": "partitions.PartitionedDataset", "path": "data/parts"}, Kind.LOCAL),
        ({"type": "CachedDataset", "dataset": {"type": PICKLE, "filepath": "a"}}, Kind.LOCAL),
        ({"type": PICKLE, "filepath": "gs://bucket/x.pkl"}, Kind.REMOTE),
        ({"type": PICKLE, "filepath": "s3://bucket/x.pkl"}, Kind.REMOTE),
        ({"type": PICKLE, "filepath": "https://host/x.pkl"}, Kind.REMOTE),
        ({"type": "partitions.PartitionedDataset", "path": "gs://b/parts"}, Kind.REMOTE),
        ({"type": "pandas.SQLTableDataset", "table_name": "t"}, Kind.REMOTE),
        (
            {"type": "CachedDataset", "dataset": {"type": PICKLE, "filepath": "gs://a/b"}},
            Kind.REMOTE,
        ),
        ({"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "k"}, Kind.REMOTE),
        (
            {
                "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
                "dataset": {"type": PICKLE, "filepath": "data/x.pkl"},
            },
            Kind.LOCAL,
        ),
    ],
)
def test_a_dataset_is_an_object_a_local_file_or_elsewhere(
    entry: dict[str, Any] | None, kind: Kind
) -> None:
    assert described(entry).kind is kind


@pytest.mark.parametrize(
    ("filepath", "path"),
    [
        ("data/x.pkl", "data/x.pkl"),
        ("./data//x.pkl", "data/x.pkl"),
        ("/project/data/x.pkl", "data/x.pkl"),
        ("file:///project/data/x.pkl", "data/x.pkl"),
        ("/elsewhere/x.pkl", "/elsewhere/x.pkl"),
    ],
)
def test_a_path_is_relative_to_the_project_it_lies_in(filepath: str, path: str) -> None:
    assert described({"type": PICKLE, "filepath": filepath}).path == path


def test_a_path_object_is_a_path() -> None:
    assert described({"type": PICKLE, "filepath": Path("data/x.pkl")}).path == "data/x.pkl"


def test_versions_are_known_through_a_wrapper() -> None:
    inner = {"type": PICKLE, "filepath": "x", "versioned": True}
    assert described(inner).versioned
    assert described({"type": "CachedDataset", "dataset": inner}).versioned


def test_patterns_are_resolved_as_kedro_resolves_them() -> None:
    catalog = {
        "{namespace}.{name}_table": {"type": PICKLE, "filepath": "data/{namespace}/{name}.pkl"}
    }
    found = describe_datasets(catalog, ["shop.orders_table", "orders"], PROJECT)
    assert found["shop.orders_table"].path == "data/shop/orders.pkl"
    assert found["orders"].kind is Kind.MEMORY


def test_a_transcoded_dataset_is_one_and_lies_where_its_declared_side_says() -> None:
    entry = {"type": PICKLE, "filepath": "data/x.pkl"}
    for names in (["x@a", "x@b"], ["x@b", "x@a"]):
        found = describe_datasets({"x@b": entry}, names, PROJECT)
        assert list(found) == ["x"]
        assert found["x"].kind is Kind.LOCAL


def test_parameters_are_no_datasets() -> None:
    assert describe_datasets({}, ["parameters", "params:a", "params"], PROJECT).keys() == {"params"}
    assert is_parameter("params:a.b")
    assert base_name("x@pandas") == "x"


def test_only_what_is_used_is_looked_at() -> None:
    assert describe_datasets({"other": {"type": "nothing.Such"}}, ["x"], PROJECT).keys() == {"x"}


def test_metadata_is_kept() -> None:
    entry = {"type": PICKLE, "filepath": "x", "metadata": {"team": "a"}}
    assert described(entry).metadata == {"team": "a"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"filepath": "x"}, "'x' has no 'type'"),
        ({"type": 3}, "its 'type' is 3"),
        ({"type": "pandas.CVSDataset"}, "CVSDataset"),
        ({"type": "CachedDataset", "dataset": {"type": "pandas.CVSDataset"}}, "CVSDataset"),
        (
            {"type": "partitions.PartitionedDataset", "dataset": {"type": "nothing.Such"}},
            "nothing.Such",
        ),
    ],
)
def test_an_entry_that_kedro_could_not_make_is_an_error(
    entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(ProjectError, match=message):
        described(entry)


def test_kedro_mlflow_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ProjectError, match=r"pip install 'kedro-vertexai\[mlflow\]'"):
        described({"type": "kedro_mlflow.io.metrics.MlflowMetricDataset"})
