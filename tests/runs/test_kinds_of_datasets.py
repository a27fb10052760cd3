"""Places that datasets share, checkpoints, validators, hooks and types: as after `kedro run`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, files_of, kedro_run, run_once
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import pandas as pd

    from kedro.pipeline import node


    def join(*values):
        return "\\n".join(str(value) for value in values)


    def names(parts):
        return sorted(parts)


    def contents(parts):
        return sorted(value if isinstance(value, str) else value() for value in parts.values())


    def table() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


    def scores() -> dict[str, float]:
        return {"accuracy": 0.5, "loss": {"train": 1.5}, "of": "text"}


    def chunks():
        yield pd.DataFrame({"a": [1, 2]})
        yield pd.DataFrame({"a": [3]})


    class Model:
        def predict(self): ...


    def fit() -> Model:
        return Model()


    NODES = [
        # One place under two names: written as one, read as the other.
        node(table, None, "shared", name="write_shared"),
        node(lambda: "done", None, "go", name="go"),
        node(join, ["shared_text", "go"], "shared_read", name="read_shared"),
        # Overwritten in place, and read before and after.
        node(join, "before", "after", name="overwrite"),
        node(join, ["before", "go"], "first_look", name="a_look_before"),
        node(join, "later", "second_look", name="z_look_after"),
        # A file that is written into a folder of raw partitions.
        node(lambda: "new", None, "part", name="write_part"),
        node(contents, "folder", "folder_read", name="z_read_folder"),
        # Confirmed by another node than the one that reads.
        node(names, "increments", "increment_names", name="read_increments"),
        node(join, "increment_names", "confirmed", name="confirm", confirms="increments"),
        # A dataset that a hook puts into the catalog.
        node(lambda: "kept", None, "by_hook", name="write_by_hook"),
        node(join, "by_hook", "hook_read", name="read_by_hook"),
        # Validated, and changed by its validator, on both sides.
        node(lambda: 3, None, "checked", name="write_checked"),
        node(join, "checked", "checked_read", name="read_checked"),
        # A path that leads out of the project.
        node(lambda: "beside", None, "beside", name="write_beside"),
        node(join, "beside", "beside_read", name="read_beside"),
        # A class that needs credentials, which lie in the environment's own configuration.
        node(lambda: "for eyes that have the key", None, "secret", name="write_secret"),
        node(join, "secret", "secret_read", name="read_secret"),
        # Described and typed.
        node(table, None, "described", name="describe"),
        node(scores, None, "numbers", name="score"),
        node(chunks, None, "chunked", name="write_chunks"),
        node(fit, None, "model", name="fit"),
        node(join, "baked", "baked_read", name="read_baked"),
        node(join, "baked_beside", "baked_beside_read", name="read_baked_beside"),
        # Numbers and metadata with the names that tasks rely on, and more than can be told.
        node(lambda: {"files": 12, "absent": 1, "empty": 1, **{f"n{i}": i for i in range(4000)}},
             None, "telling", name="tell_too_much"),
        node(lambda told: len(told), "telling", "telling_read", name="read_telling"),
        node(lambda: "an unlucky name", None, "credentials", name="write_credentials"),
    ]
"""
SETTINGS = """
    from {package}.own import PutsItIn

    HOOKS = (PutsItIn(),)
"""
OWN = """
import os
from pathlib import Path

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset


class Elsewhere(AbstractDataset):
    def __init__(self, name):
        self.file = Path(os.environ["ELSEWHERE"], name)

    def load(self):
        return self.file.read_text()

    def save(self, data):
        self.file.write_text(data)

    def _describe(self):
        return {}


class Locked(AbstractDataset):
    def __init__(self, filepath, credentials):
        self.file, self.key = Path(filepath), credentials["key"]

    def load(self):
        key, text = self.file.read_text().split(":", 1)
        assert key == self.key[::-1]
        return text

    def save(self, data):
        self.file.write_text(f"{self.key[::-1]}:{data}")

    def _describe(self):
        return {}


class PutsItIn:
    @hook_impl
    def after_catalog_created(self, catalog):
        catalog["by_hook"] = Elsewhere("by_hook")


class Plus:
    def __init__(self, by):
        self.by = by

    def validate(self, data):
        if not isinstance(data, int):
            raise ValueError("not a whole number")
        return data + self.by
"""


def text(path: str, **more: Any) -> dict[str, Any]:
    return {"type": "text.TextDataset", "filepath": path, **more}


def parts(path: str, type_: str = "PartitionedDataset") -> dict[str, Any]:
    return {"type": f"partitions.{type_}", "path": path, "dataset": "text.TextDataset"}


def catalog(package: str) -> dict[str, Any]:
    return {
        "shared": {"type": "pandas.CSVDataset", "filepath": "data/shared.csv"},
        "shared_text": text("./data/shared.csv"),
        **dict.fromkeys(("before", "after", "later"), text("data/overwritten.txt")),
        "part": text("data/folder/deep/new.txt"),
        "folder": parts("data/folder"),
        "increments": parts("data/increments", "IncrementalDataset"),
        "checked": {
            "type": "MemoryDataset",
            "validator": {"class": f"{package}.own.Plus", "options": {"by": 10}},
        },
        "beside": text("../beside.txt"),
        "described": {
            "type": "kedro_vertexai.vertex_ai.datasets.KedroVertexAIMetadataDataset",
            "base_dataset": "kedro_datasets.pandas.ParquetDataset",
            "base_dataset_args": {"filepath": "data/described.parquet"},
            "display_name": "A table",
            "metadata": {"team": "a"},
            "schema": "system.Dataset",
        },
        "secret": {
            "type": f"{package}.own.Locked",
            "filepath": "data/secret.txt",
            "credentials": "lock",
        },
        "numbers": {"type": "json.JSONDataset", "filepath": "data/numbers.json"},
        "chunked": {
            "type": "pandas.CSVDataset",
            "filepath": "data/chunked.csv",
            "save_args": {"mode": "a"},
        },
        "model": {"type": "pickle.PickleDataset", "filepath": "data/model.pkl"},
        "baked": text("data/baked.txt", metadata={"vertexai": {"staging": "image"}}),
        "baked_beside": text("../baked_beside.txt", metadata={"vertexai": {"staging": "image"}}),
        "telling": {
            "type": "pickle.PickleDataset",
            "filepath": "data/telling.pkl",
            "metadata": {"vertexai": {"type": "Metrics", "metadata": {"bytes": 1, "path": "x"}}},
        },
        "credentials": text("data/credentials.txt"),
        **{
            f"{name}_read": {"type": "json.JSONDataset", "filepath": f"data/{name}_read.json"}
            for name in (
                "shared",
                "folder",
                "hook",
                "checked",
                "beside",
                "baked",
                "secret",
                "telling",
                "baked_beside",
            )
        },
        **{name: text(f"data/{name}.txt") for name in ("first_look", "second_look", "confirmed")},
    }


SECRET = "open-sesame-4711"
FILES = {
    "data/overwritten.txt": "raw",
    "data/folder/old.txt": "old",
    "data/increments/1.txt": "1",
    "data/increments/2.txt": "2",
    "data/baked.txt": "in the image",
    "../baked_beside.txt": "in the image, too",
    "conf/local/credentials.yml": f"lock: {{key: {SECRET}}}",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    package = "kinds_of_datasets"
    return write_project(
        tmp_path_factory.mktemp("kinds") / "inner",
        package=package,
        nodes=NODES,
        settings=SETTINGS.format(package=package),
        mlflow=MLFLOW,
        catalog=catalog(package),
        files={**FILES, f"src/{package}/own.py": OWN},
    )


@pytest.fixture(scope="module")
def laptop(project: KedroProject, tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    """A copy of the project after `kedro run`."""
    copy = KedroProject(
        shutil.copytree(project.path, tmp_path_factory.mktemp("laptop") / "inner"), project.package
    )
    shutil.copy(project.path.parent / "baked_beside.txt", copy.path.parent)
    kedro_run(copy, env={"ELSEWHERE": str(tmp_path_factory.mktemp("elsewhere"))})
    return copy


@pytest.fixture(scope="module")
def run(
    project: KedroProject, laptop: KedroProject, tmp_path_factory: pytest.TempPathFactory
) -> LocalRun:
    return run_once(project, env={"ELSEWHERE": str(tmp_path_factory.mktemp("elsewhere"))})


def test_every_task_succeeds(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed


@pytest.mark.parametrize(
    "path",
    [
        "shared.csv",
        "shared_read.json",
        "overwritten.txt",
        "first_look.txt",
        "second_look.txt",
        "folder/deep/new.txt",
        "folder_read.json",
        "hook_read.json",
        "checked_read.json",
        "beside_read.json",
        "baked_read.json",
        "secret_read.json",
        "baked_beside_read.json",
        "telling_read.json",
        "credentials.txt",
        "described.parquet",
        "numbers.json",
        "chunked.csv",
        "confirmed.txt",
    ],
)
def test_a_file_is_the_same(laptop: KedroProject, run: LocalRun, path: str) -> None:
    ours = run.outputs_by_path()[f"data/{path}"]
    assert ours.read_bytes() == (laptop.path / "data" / path).read_bytes()


def test_the_checkpoint_of_a_confirmed_dataset_is_an_output(
    laptop: KedroProject, run: LocalRun
) -> None:
    ours = files_of(run.outputs_by_path()["data/increments"])
    assert ours == files_of(laptop.path / "data" / "increments")
    assert "CHECKPOINT" in ours


def test_a_path_beside_the_project_is_shared_by_no_tasks(
    project: KedroProject, laptop: KedroProject, run: LocalRun
) -> None:
    assert not (project.path.parent / "beside.txt").exists()
    ours = run.outputs_by_path()["../beside.txt"]
    assert ours.read_bytes() == (laptop.path.parent / "beside.txt").read_bytes()


def test_credentials_reach_the_dataset_and_nothing_that_the_run_leaves(run: LocalRun) -> None:
    left = {path: file.read_bytes() for path, file in found_files(run.job).items()}
    assert [path for path, content in left.items() if SECRET.encode() in content] == []
    assert SECRET not in run.printed


def found_files(directory: Path) -> dict[str, Path]:
    return {str(file): file for file in directory.rglob("*") if file.is_file()}


def metadata(run: LocalRun, dataset: str) -> dict[str, Any]:
    (found,) = [
        output["metadata"]
        for task in run.record["tasks"]
        for output in task["outputs"].values()
        if output["metadata"].get("dataset") == dataset and "path" in output["metadata"]
    ]
    return dict(found)


def test_a_tables_artifact_says_what_is_in_it(run: LocalRun) -> None:
    said = metadata(run, "described")
    assert (said["rows"], said["columns"]) == (3, 2)
    assert set(said["schema"]) == {"a", "b"}
    assert said["schema"]["a"] == "int64"
    assert said["bytes"] == run.outputs_by_path()["data/described.parquet"].stat().st_size


def test_the_peers_dataset_adds_its_own_metadata(run: LocalRun) -> None:
    said = metadata(run, "described")
    assert (said["display_name"], said["team"]) == ("A table", "a")


def test_numbers_of_metrics_are_metadata(run: LocalRun) -> None:
    said = metadata(run, "numbers")
    assert (said["accuracy"], said["loss.train"]) == (0.5, 1.5)
    assert "of" not in said


def test_what_the_user_tells_never_takes_the_place_of_what_tasks_rely_on(run: LocalRun) -> None:
    said = metadata(run, "telling")
    assert said["path"] == "data/telling.pkl"
    assert (said["telling.files"], said["telling.bytes"]) == (12.0, 1)
    assert said["bytes"] == run.outputs_by_path()["data/telling.pkl"].stat().st_size
    assert said["cut"] > 3000


def test_a_dataset_that_is_saved_in_chunks_has_no_number_of_rows(run: LocalRun) -> None:
    said = metadata(run, "chunked")
    assert said["columns"] == 1
    assert "rows" not in said


def test_each_output_is_shown_as_what_it_is(run: LocalRun) -> None:
    spec = json.loads((run.job / "pipeline.json").read_text())
    types = {
        key: artifact["artifactType"]["schemaTitle"]
        for component in spec["components"].values()
        for key, artifact in component.get("outputDefinitions", {}).get("artifacts", {}).items()
    }
    assert types["described"] == "system.Dataset"
    assert types["numbers"] == "system.Metrics"
    assert types["model"] == "system.Model"


def test_what_was_saved_elsewhere_than_its_entry_says_fails_its_task(tmp_path: Path) -> None:
    package = "saves_elsewhere"
    project = write_project(
        tmp_path,
        package=package,
        nodes='NODES = [node(lambda: "text", None, "x", name="write")]',
        catalog={"x": {"type": f"{package}.own.WithSuffix", "filepath": "data/x.txt"}},
        files={
            f"src/{package}/own.py": """
from pathlib import Path

from kedro_datasets.text import TextDataset


class WithSuffix(TextDataset):
    def save(self, data):
        Path("data").mkdir(exist_ok=True)
        Path(self._filepath).with_suffix(".bin").write_text(data)
"""
        },
    )
    run = run_once(project)
    assert run.exit_code == 1
    assert "dataset 'x' was not saved at data/x.txt" in run.tasks["write"]["error"]


def test_a_validator_that_refuses_an_object_fails_its_task(tmp_path: Path) -> None:
    package = "refusing_validator"
    project = write_project(
        tmp_path,
        package=package,
        nodes="""
            NODES = [
                node(lambda: "text", None, "checked", name="write"),
                node(first, "checked", "read", name="read"),
            ]
        """,
        catalog={
            "checked": {
                "type": "MemoryDataset",
                "validator": {"class": f"{package}.own.Plus", "options": {"by": 1}},
            }
        },
        files={f"src/{package}/own.py": OWN},
    )
    run = run_once(project)
    assert run.states()["write"] == "FAILED"
    assert "not a whole number" in run.tasks["write"]["error"]
