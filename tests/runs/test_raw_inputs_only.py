"""A project whose catalog holds nothing but its raw inputs: all else travels as objects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from local_run import LocalRun, kedro_run, run_once
from project_factory import KedroProject

SPACEFLIGHTS = Path(__file__).parents[1] / "projects" / "spaceflights"
RAW = ("companies", "reviews", "shuttles")

# Without files to compare, each run notes what its nodes save.
SETTINGS = '''
"""Notes every dataset that a node saves."""

import os
from pathlib import Path

from kedro.framework.hooks import hook_impl


class NotesValues:
    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        if hasattr(data, "to_csv"):
            value = f"{getattr(data, 'dtypes', None)}\\n{data.to_csv()}"
        elif hasattr(data, "coef_"):
            value = f"{data.coef_.tolist()} {data.intercept_!r}"
        else:
            # A figure holds its canvas, and is no value.
            value = type(data).__name__ if hasattr(data, "canvas") else repr(data)
        Path(os.environ["VALUES"], dataset_name).write_text(value)


HOOKS = (NotesValues(),)
'''


def project_at(path: Path) -> KedroProject:
    shutil.copytree(SPACEFLIGHTS, path, ignore=shutil.ignore_patterns("__pycache__"))
    file = path / "conf" / "base" / "catalog.yml"
    catalog = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({name: catalog[name] for name in RAW}))
    (path / "src" / "spaceflights" / "settings.py").write_text(SETTINGS)
    return KedroProject(path, "spaceflights")


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """What the nodes saved with `kedro run`, and in our run."""
    folder = tmp_path_factory.mktemp("raw-inputs-only")
    laptop = project_at(folder / "laptop")
    ours = KedroProject(shutil.copytree(laptop.path, folder / "ours"), laptop.package)
    assert ours.kedro("vertexai", "init", "my-project", "europe-west1").returncode == 0
    for name in ("theirs", "mine"):
        (folder / name).mkdir()
    kedro_run(laptop, env={"VALUES": str(folder / "theirs")})
    run: LocalRun = run_once(ours, env={"VALUES": str(folder / "mine")})
    assert run.exit_code == 0, run.printed
    return noted(folder / "theirs"), noted(folder / "mine")


def noted(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_every_object_is_the_same(values: tuple[dict[str, str], dict[str, str]]) -> None:
    theirs, mine = values
    assert {"model_input_table", "X_train", "regressor", "metrics"} <= theirs.keys()
    assert mine == theirs
