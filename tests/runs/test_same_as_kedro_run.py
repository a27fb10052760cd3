"""A project that nobody changed for us gives the same results as with `kedro run`."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_run import (
    LocalRun,
    artifacts_of,
    files_of,
    kedro_run,
    mlflow_client,
    mlflow_runs,
    run_once,
)
from project_factory import KedroProject

from kedro_vertexai import templates

SPACEFLIGHTS = Path(__file__).parents[1] / "projects" / "spaceflights"


@dataclass(frozen=True)
class Comparison:
    """Two copies of a project: one after `kedro run`, one after ours.

    `before` is what the second held when it had only been initialised.
    """

    laptop: KedroProject
    run: LocalRun
    before: dict[str, bytes]


def copy_spaceflights(path: Path) -> KedroProject:
    shutil.copytree(SPACEFLIGHTS, path, ignore=shutil.ignore_patterns("__pycache__"))
    return KedroProject(path, "spaceflights")


def new_starter(path: Path) -> KedroProject:
    starter = templates.templates_dir() / "starter"
    kedro = [sys.executable, "-m", "kedro", "new"]
    subprocess.run(
        [*kedro, f"--starter={starter}", f"--name={path.name}"], cwd=path.parent, check=True
    )
    return KedroProject(path, path.name)


@pytest.fixture(scope="module", params=[copy_spaceflights, new_starter])
def compared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Comparison:
    make: Callable[[Path], KedroProject] = request.param
    folder = tmp_path_factory.mktemp("compared")
    laptop = make(folder / "laptop")
    ours = KedroProject(shutil.copytree(laptop.path, folder / "ours"), laptop.package)
    initialised = ours.kedro("vertexai", "init", "my-project", "europe-west1")
    assert initialised.returncode == 0, initialised.stderr
    before = files_of(ours.path)
    kedro_run(laptop)
    return Comparison(laptop, run_once(ours), before)


def test_every_task_succeeds(compared: Comparison) -> None:
    assert compared.run.exit_code == 0, compared.run.printed
    assert set(compared.run.states().values()) == {"SUCCEEDED"}


def test_every_file_is_the_same(compared: Comparison) -> None:
    ours = compared.run.outputs_by_path()
    written = files_written(compared.laptop)
    assert written
    for path, content in written.items():
        if path in ours:
            assert ours[path].read_bytes() == content, path
        else:
            # A versioned dataset: a directory with one file per session.
            dataset = next(name for name in ours if path.startswith(f"{name}/"))
            (version,) = ours[dataset].glob("*/*")
            assert same_model(pickle.loads(content), pickle.loads(version.read_bytes()))


def test_every_file_is_found_by_its_datasets_name(compared: Comparison) -> None:
    by_path = compared.run.outputs_by_path()
    linked = {link.resolve() for link in (compared.run.job / "outputs").iterdir()}
    assert {path.resolve() for path in by_path.values()} <= linked


def test_mlflow_holds_the_same(compared: Comparison) -> None:
    (theirs,) = mlflow_runs(compared.laptop.path / "mlflow.db")
    ours = compared.run.mlflow_run()
    assert ours.data.params == theirs.data.params
    assert ours.data.metrics == theirs.data.metrics
    assert ours.info.run_name == theirs.info.run_name
    laptop, local = stores(compared)
    for metric in theirs.data.metrics:
        assert points(local, ours, metric) == points(laptop, theirs, metric)
    assert artifacts(ours) == artifacts(theirs)
    assert models(local, ours) == models(laptop, theirs)


def test_the_mlflow_run_is_finished_and_says_whose_it_is(compared: Comparison) -> None:
    (run,) = mlflow_runs(compared.run.project.path / ".vertexai" / "mlflow.db")
    assert run.info.status == "FINISHED"
    assert run.data.tags["vertexai_run_id"] == compared.run.record["job_id"]
    assert run.data.tags["vertexai_job_name"] == compared.run.record["job_name"]
    assert f"MLflow run {run.info.run_id} ({run.info.run_name}): FINISHED" in compared.run.printed


def test_nothing_outside_of_our_own_directory_changes(compared: Comparison) -> None:
    assert files_of(compared.run.project.path) == compared.before


def files_written(project: KedroProject) -> dict[str, bytes]:
    """What `kedro run` put into `data`, without what was there before."""
    raw = "data/01_raw/"
    return {
        path: content
        for path, content in files_of(project.path).items()
        if path.startswith("data/") and not path.startswith(raw) and not path.endswith(".gitkeep")
    }


def same_model(one: Any, other: Any) -> bool:
    return bool((one.coef_ == other.coef_).all() and one.intercept_ == other.intercept_)


def stores(compared: Comparison) -> tuple[Any, Any]:
    return (
        mlflow_client(compared.laptop.path / "mlflow.db"),
        mlflow_client(compared.run.project.path / ".vertexai" / "mlflow.db"),
    )


def points(client: Any, run: Any, metric: str) -> list[tuple[int, float]]:
    history = client.get_metric_history(run.info.run_id, metric)
    return sorted((point.step, point.value) for point in history)


def artifacts(run: Any) -> dict[str, bytes]:
    directory = artifacts_of(run)
    return files_of(directory) if directory.is_dir() else {}


def models(client: Any, run: Any) -> list[tuple[str, str]]:
    """Names and states of the models that the run logged."""
    found = client.search_logged_models([run.info.experiment_id])
    return sorted((model.name, str(model.status)) for model in found)
