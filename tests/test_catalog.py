"""What each dataset is: decided from the catalog, without making one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import AbstractDataset, CachedDataset, MemoryDataset
from kedro_datasets.pickle import PickleDataset

from kedro_vertexai.catalog import (
    Dataset,
    Kind,
    base_name,
    describe_datasets,
    describe_instance,
    is_parameter,
)
from kedro_vertexai.dataset_class import DatasetClass, dataset_class
from kedro_vertexai.errors import ProjectError

PROJECT = Path("/project")
PICKLE = "pickle.PickleDataset"
PARTS = "partitions.PartitionedDataset"


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
        ({"type": PARTS, "dataset": PICKLE, "path": "data/parts"}, Kind.LOCAL),
        ({"type": "CachedDataset", "dataset": {"type": PICKLE, "filepath": "a"}}, Kind.LOCAL),
        ({"type": PICKLE, "filepath": "gs://bucket/x.pkl"}, Kind.REMOTE),
        ({"type": PICKLE, "filepath": "s3://bucket/x.pkl"}, Kind.REMOTE),
        ({"type": PICKLE, "filepath": "https://host/x.pkl"}, Kind.REMOTE),
        ({"type": PARTS, "dataset": PICKLE, "path": "gs://b/parts"}, Kind.REMOTE),
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


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"filepath": "x"}, "'x' has no 'type'"),
        ({"type": 3}, "its 'type' is 3"),
        ({"type": "pandas.CVSDataset"}, "CVSDataset"),
        ({"type": "CachedDataset", "dataset": {"type": "pandas.CVSDataset"}}, "CVSDataset"),
        (
            {"type": PARTS, "path": "data", "dataset": {"type": "nothing.Such"}},
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
    monkeypatch: pytest.MonkeyPatch, forgotten_classes: None
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ProjectError, match=r"pip install 'kedro-vertexai\[mlflow\]'"):
        described({"type": "kedro_mlflow.io.metrics.MlflowMetricDataset"})


@pytest.fixture
def forgotten_classes() -> Iterator[None]:
    """What is known of a class is kept, since it cannot change while a project is compiled."""
    dataset_class.cache_clear()
    yield
    dataset_class.cache_clear()


class InMemory(MemoryDataset):
    """A class of a project's own."""


class Folder(AbstractDataset[Any, Any]):
    """Calls its location by a name of its own."""

    def __init__(self, folder: str, metadata: Any = None) -> None: ...

    def load(self) -> Any: ...

    def save(self, data: Any) -> None: ...

    def _describe(self) -> dict[str, Any]:
        return {}


def type_name(class_: type) -> str:
    return f"{class_.__module__}.{class_.__name__}"


def test_a_class_of_the_projects_own_is_what_its_base_is() -> None:
    found = described({"type": type_name(InMemory)})
    assert (found.kind, found.reason) == (Kind.MEMORY, "InMemory keeps it in memory")


def test_a_class_that_names_no_place_keeps_its_data_itself() -> None:
    found = described({"type": type_name(Folder), "folder": "data/x"})
    assert (found.kind, found.uri) == (Kind.REMOTE, "")
    assert found.reason == "Folder names no place: it keeps its data itself"


def test_the_entry_may_name_the_path_for_such_a_class() -> None:
    told = {"metadata": {"vertexai": {"path": "data/x"}}}
    found = described({"type": type_name(Folder), "folder": "data/x", **told})
    assert (found.kind, found.path) == (Kind.LOCAL, "data/x")


def test_a_version_is_told_on_the_wrapper_or_inside_it() -> None:
    inner = {"type": PICKLE, "filepath": "x"}
    assert described({"type": "CachedDataset", "dataset": inner, "versioned": True}).versioned


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": PICKLE, "filpath": "x"}, "PickleDataset takes no 'filpath', did you mean 'file"),
        ({"type": PICKLE}, "'x': PickleDataset needs 'filepath'"),
        (
            {"type": "CachedDataset", "dataset": {"type": PICKLE, "path": "x"}},
            "PickleDataset takes no 'path'",
        ),
        ({"type": PARTS, "path": "x", "dataset": PICKLE, "filepath": "y"}, "takes no 'filepath'"),
    ],
)
def test_what_a_class_does_not_take_is_an_error(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        described(entry)


def test_what_kedro_itself_reads_in_an_entry_is_no_argument() -> None:
    entry = {
        "type": PICKLE,
        "filepath": "x",
        "versioned": True,
        "credentials": "mine",
        "metadata": {"team": "a"},
        "validator": {"class": "shop.Schema"},
    }
    assert described(entry).kind is Kind.LOCAL


def test_the_sides_of_a_transcoded_dataset_lie_at_one_place() -> None:
    catalog = {
        "x@a": {"type": PICKLE, "filepath": "data/a.pkl"},
        "x@b": {"type": PICKLE, "filepath": "data/b.pkl"},
    }
    with pytest.raises(ProjectError, match=r"'x@...'.* not at data/a.pkl and data/b.pkl"):
        describe_datasets(catalog, ["x@a", "x@b"], PROJECT)


def test_an_artifact_of_an_earlier_mlflow_run_is_no_local_file() -> None:
    entry = {
        "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
        "dataset": {"type": PICKLE, "filepath": "data/x.pkl"},
        "run_id": "1234",
    }
    assert described(entry).kind is Kind.REMOTE


def test_the_peers_dataset_is_the_one_that_it_describes() -> None:
    found = described(
        {
            "type": "kedro_vertexai.vertex_ai.datasets.KedroVertexAIMetadataDataset",
            "base_dataset": "kedro_datasets.pandas.CSVDataset",
            "base_dataset_args": {"filepath": "data/x.csv"},
            "display_name": "Sales",
            "schema": "system.Model",
            "metadata": {"team": "a"},
        }
    )
    assert (found.kind, found.path, found.artifact) == (Kind.LOCAL, "data/x.csv", "system.Model")
    assert found.options.metadata == {"display_name": "Sales", "team": "a"}


def test_a_dataset_that_a_hook_made_is_described_by_what_it_is() -> None:
    instance = PickleDataset(filepath="gs://bucket/x.pkl", fs_args={"token": "anon"})
    found = describe_instance("x", instance, PROJECT)
    assert (found.kind, found.uri) == (Kind.REMOTE, "gs://bucket/x.pkl")
    found = describe_instance("x", PickleDataset(filepath="data/x.pkl"), PROJECT)
    assert (found.kind, found.path) == (Kind.LOCAL, "data/x.pkl")
    assert describe_instance("x", MemoryDataset(1), PROJECT).kind is Kind.MEMORY


def test_what_wraps_another_in_a_hook_is_what_it_wraps() -> None:
    found = describe_instance("x", CachedDataset(PickleDataset(filepath="data/x.pkl")), PROJECT)
    assert (found.kind, found.path) == (Kind.LOCAL, "data/x.pkl")


def test_what_either_side_of_a_transcoded_dataset_says_holds_for_it() -> None:
    entry = {"type": PICKLE, "filepath": "data/x.pkl"}
    told = {**entry, "metadata": {"vertexai": {"type": "Model"}}}
    for catalog in ({"x@a": entry, "x@b": told}, {"x@a": told, "x@b": entry}):
        assert describe_datasets(catalog, ["x@a", "x@b"], PROJECT)["x"].artifact == "system.Model"
    other = {**entry, "metadata": {"vertexai": {"type": "HTML"}}}
    with pytest.raises(ProjectError, match=r"each says something else under metadata\.vertexai"):
        describe_datasets({"x@a": told, "x@b": other}, ["x@a", "x@b"], PROJECT)


def test_a_path_inside_the_project_is_no_reference() -> None:
    told = {"metadata": {"vertexai": {"travel": "reference"}}}
    with pytest.raises(ProjectError, match="a reference needs an absolute path or a URL"):
        described({"type": PICKLE, "filepath": "data/x.pkl", **told})
    mounted = described({"type": PICKLE, "filepath": "/mnt/x.pkl", **told})
    assert (mounted.kind, mounted.uri) == (Kind.REMOTE, "file:///mnt/x.pkl")


def test_a_table_of_bigquery_has_a_uri() -> None:
    name = "kedro_datasets.pandas.gbq_dataset.GBQTableDataset"
    table = DatasetClass(name, (name,))
    entry = {"dataset": "shop", "table_name": "sales"}
    assert table.table_uri(entry) == "bq://shop.sales"
    assert table.table_uri({**entry, "project": "my-project"}) == "bq://my-project.shop.sales"


def test_googles_own_types_are_taken_as_they_are() -> None:
    told = {"metadata": {"vertexai": {"type": "google.VertexModel"}}}
    assert described({"type": PICKLE, "filepath": "x", **told}).artifact == "google.VertexModel"
