"""A real Docker engine, and images made of this machine's files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_specs import CONTAINERS, Recorder, labelled
from docker_daemon import Engine, running_engine, why_not
from python_image import python_image


@pytest.fixture(scope="session")
def short_path() -> Iterator[Path]:
    """A socket's path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kvt-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def shared_engine(short_path: Path) -> Iterator[Engine]:
    if reason := why_not():
        pytest.skip(reason)
    with running_engine(short_path / "shared") as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine that the user's commands ask. Whatever a test did, no container is left."""
    monkeypatch.setenv("DOCKER_HOST", shared_engine.url)
    yield shared_engine
    left = labelled(shared_engine.client, CONTAINERS)
    for container in left:
        container.remove(force=True)
    assert left == []


@pytest.fixture
def image(engine: Engine) -> str:
    """An image with Python and nothing else, whose user is not root."""
    return python_image(engine.client, "test-python")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    (path / "conf" / "base").mkdir(parents=True)
    (path / "conf" / "base" / "secret.yml").write_text("not in any container\n")
    return path


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
