"""Every kind of dataset travels between tasks and ends as after `kedro run`."""

from __future__ import annotations

import pytest
from local_run import LocalRun, artifacts_of, files_of, kedro_run, mlflow_runs, run_once
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import pandas as pd


    def numbers(start):
        return pd.DataFrame({"n": range(start, start + 4)})


    def partitions(frame):
        yes = {f"part-{n}": frame[frame.n == n] for n in frame.n}
        return {**yes, "later/lazy": lambda: frame.tail(1)}


    def sum_of_partitions(parts):
        return {"total": int(sum(load()["n"].sum() for load in parts.values()))}


    def lines_of(*values):
        return "\\n".join(repr(value) for value in values)


    def squares(frame):
        for n in frame.n:
            yield f"{n * n};"


    def scores(frame):
        return [float(n) for n in frame.n]


    def history(frame):
        return {"loss": [{"value": 1.0 / (n + 1), "step": int(n)} for n in frame.n]}


    def split(frame):
        return frame.head(2), frame.tail(2), {"rows": len(frame)}


    def tuple_in_a_list(frame):
        return [(1, {2, 3}, frame.n.tolist(), b"bytes", 2.5, {4: "four"})]


    grouped = {"tags": "group.middle"}
    NODES = [
        node(numbers, "params:start", "frame", name="numbers"),
        node(tuple_in_a_list, "frame", "odd_object", name="odd_object"),
        node(partitions, "frame", "parts", name="partitions"),
        node(sum_of_partitions, "parts", "totals", name="sum_of_partitions"),
        node(lambda: {}, None, "no_parts", name="no_partitions"),
        node(first, "frame", "table@pandas", name="write_table"),
        node(first, "table@bytes", "table_bytes", name="read_table_otherwise"),
        node(first, "totals", "versioned", name="save_version"),
        node(first, "versioned", "versioned_copy", name="load_version"),
        node(first, "totals", "cached", name="save_cached"),
        node(first, "cached", "cached_copy", name="load_cached"),
        node(first, "totals", "europe.made_by_pattern", name="save_by_pattern"),
        node(first, "europe.made_by_pattern", "pattern_copy", name="load_by_pattern"),
        node(squares, "frame", "streamed", name="stream"),
        node(split, "frame", ["head", "tail", "rows"], name="split", **grouped),
        node(lines_of, ["head", "tail", "rows"], "inside", name="inside", **grouped),
        node(lines_of, ["head", "inside", "odd_object"], "outside", name="outside"),
        node(lambda inside, rows: rows, ["inside", "rows"], "rows_again", name="after_the_group"),
        node(scores, "frame", "scores", name="scores"),
        node(lambda values: values[-1], "scores", "score", name="best_score"),
        node(history, "frame", "history", name="history"),
        node(first, ["totals", "streamed"], "report", name="log_report"),
        node(lines_of, ["report", "totals"], "read_back", name="read_report"),
        node(first, "raw_parts", None, name="read_raw_partitions"),
        node(lambda parts: sorted(parts), "raw_parts", "raw_names", name="names_of_raw"),
        node(first, "raw_outside", "from_outside", name="read_from_outside"),
    ]
"""


def text(name: str) -> dict[str, str]:
    return {"type": "text.TextDataset", "filepath": f"data/{name}.txt"}


def json_file(name: str) -> dict[str, str]:
    return {"type": "json.JSONDataset", "filepath": f"data/{name}.json"}


CATALOG = {
    "parts": {
        "type": "partitions.PartitionedDataset",
        "path": "data/parts",
        "dataset": "pandas.CSVDataset",
        "filename_suffix": ".csv",
    },
    "no_parts": {
        "type": "partitions.PartitionedDataset",
        "path": "data/no_parts",
        "dataset": "pandas.CSVDataset",
    },
    "raw_parts": {
        "type": "partitions.PartitionedDataset",
        "path": "data/raw_parts",
        "dataset": "text.TextDataset",
    },
    "table@pandas": {"type": "pandas.ParquetDataset", "filepath": "data/table.parquet"},
    "table@bytes": {
        "type": "text.TextDataset",
        "filepath": "data/table.parquet",
        "fs_args": {"open_args_load": {"mode": "rb"}},
    },
    "versioned": {**json_file("versioned"), "versioned": True},
    "cached": {"type": "kedro.io.CachedDataset", "dataset": json_file("cached")},
    "{region}.made_by_{how}": {"type": "json.JSONDataset", "filepath": "data/{region}/{how}.json"},
    "streamed": {**text("streamed"), "fs_args": {"open_args_save": {"mode": "a"}}},
    "rows": {"type": "MemoryDataset", "copy_mode": "assign"},
    "score": {"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "best"},
    "history": {"type": "kedro_mlflow.io.metrics.MlflowMetricsHistoryDataset", "prefix": "train"},
    "report": {
        "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
        "dataset": json_file("report"),
    },
    "table_bytes": {"type": "pickle.PickleDataset", "filepath": "data/table_bytes.pkl"},
    **{name: text(name) for name in ("inside", "outside", "read_back", "from_outside")},
    **{
        name: json_file(name)
        for name in (
            "totals",
            "versioned_copy",
            "cached_copy",
            "pattern_copy",
            "rows_again",
            "raw_names",
        )
    },
}

GROUPING = {"cls": "kedro_vertexai.grouping.TagNodeGrouper", "params": {"tag_prefix": "group."}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    folder = tmp_path_factory.mktemp("datasets")
    outside = folder / "outside.txt"
    outside.write_text("from outside")
    return write_project(
        folder / "Zoë's project",
        nodes=NODES,
        parameters={"start": 3},
        catalog={**CATALOG, "raw_outside": {**text(""), "filepath": str(outside)}},
        mlflow=MLFLOW,
        run_config={"grouping": GROUPING},
        files={"data/raw_parts/a.txt": "A", "data/raw_parts/deep/b.txt": "B"},
    )


@pytest.fixture(scope="module")
def run(project: KedroProject) -> LocalRun:
    """After it, `data` still holds what `kedro run` left, and no raw file was touched."""
    kedro_run(project)
    before = files_of(project.path)
    outside = (project.path.parent / "outside.txt").stat()
    run = run_once(project)
    assert files_of(project.path) == before
    assert (project.path.parent / "outside.txt").stat().st_ino == outside.st_ino
    return run


def test_every_task_succeeds(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed
    assert set(run.states().values()) == {"SUCCEEDED"}


@pytest.mark.parametrize(
    "path",
    [
        "totals.json",
        "raw_names.json",
        "table.parquet",
        "table_bytes.pkl",
        "versioned_copy.json",
        "cached.json",
        "cached_copy.json",
        "europe/pattern.json",
        "pattern_copy.json",
        "streamed.txt",
        "inside.txt",
        "outside.txt",
        "rows_again.json",
        "report.json",
        "read_back.txt",
        "from_outside.txt",
    ],
)
def test_a_file_is_the_same(project: KedroProject, run: LocalRun, path: str) -> None:
    ours = run.outputs_by_path()[f"data/{path}"]
    assert ours.read_bytes() == (project.path / "data" / path).read_bytes()


def test_a_directory_of_partitions_is_the_same(project: KedroProject, run: LocalRun) -> None:
    theirs = files_of(project.path / "data" / "parts")
    assert set(theirs) == {*(f"part-{n}.csv" for n in (3, 4, 5, 6)), "later/lazy.csv"}
    assert files_of(run.outputs_by_path()["data/parts"]) == theirs


def test_a_partitioned_dataset_without_partitions_leaves_nothing(run: LocalRun) -> None:
    assert "data/no_parts" not in run.outputs_by_path()


def test_a_versioned_dataset_keeps_its_layout(project: KedroProject, run: LocalRun) -> None:
    (theirs,) = (project.path / "data" / "versioned.json").glob("*/versioned.json")
    (ours,) = run.outputs_by_path()["data/versioned.json"].glob("*/versioned.json")
    assert ours.read_bytes() == theirs.read_bytes()


def test_nodes_of_a_group_share_a_task(run: LocalRun) -> None:
    assert "middle" in run.tasks
    assert not {"split", "inside"} & set(run.tasks)


def test_the_numbers_of_mlflow_metrics_are_metadata_of_an_artifact(run: LocalRun) -> None:
    (score,) = run.tasks["best_score"]["outputs"].values()
    assert (score["schema_title"], score["metadata"]["score"]) == ("system.Metrics", 6.0)


def test_metrics_and_artifacts_are_the_same(project: KedroProject, run: LocalRun) -> None:
    (theirs,) = mlflow_runs(project.path / "mlflow.db")
    ours = run.mlflow_run()
    assert set(theirs.data.metrics) == {"best", "train.loss"}
    assert ours.data.metrics == theirs.data.metrics
    assert ours.data.params == theirs.data.params
    logged = artifacts_of(ours) / "report.json"
    assert logged.read_bytes() == (project.path / "data" / "report.json").read_bytes()
