"""A real engine, real registries, and a project that is built in a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import BASE, Engine, running_engine, running_registry, use, why_not
from project_factory import ONE_NODE, KedroProject, write_project

DOCKERFILE = f"""
FROM {BASE}
COPY . /project
"""


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Engine]:
    """An engine that the tests of this folder share, with an image to build from."""
    if reason := why_not():
        pytest.skip(reason)
    with running_engine() as engine:
        engine.add_base()
        yield engine


@pytest.fixture
def engine(shared_engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """The engine that this process and its children use, with nobody logged in."""
    use(shared_engine, monkeypatch, tmp_path)
    return shared_engine


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """A registry for everybody, as the beginning of an image's name."""
    if reason := why_not():
        pytest.skip(reason)
    with running_registry() as host:
        yield host


@pytest.fixture
def project(tmp_path: Path) -> Iterator[KedroProject]:
    """A project with a Dockerfile."""
    made = write_project(tmp_path / "project", nodes=ONE_NODE)
    (made.path / "Dockerfile").write_text(DOCKERFILE)
    yield made
    made.forget()
