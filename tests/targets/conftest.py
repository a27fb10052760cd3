"""Fixtures for the tests of targets."""

import os
from pathlib import Path

import pytest
from local_specs import Recorder

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child processes import the package even where it is not installed."""
    entries = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, entries)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory that looks a little like a Kedro project."""
    path = tmp_path / "project"
    (path / "conf" / "base").mkdir(parents=True)
    (path / "conf" / "base" / "catalog.yml").write_text("{}\n")
    (path / "data" / "01_raw").mkdir(parents=True)
    (path / "data" / "01_raw" / "big.csv").write_text("not in an image\n")
    return path


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
