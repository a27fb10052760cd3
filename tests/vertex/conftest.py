"""Fixtures of Google's services on this machine, without which no test here can do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_storage import Bucket, running_emulator
from google_service import GoogleService, running_service

from kedro_vertexai.storage import open_filesystem
from kedro_vertexai.targets.vertex.client import GoogleClients, Location

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """A running Cloud Storage that every test of this folder shares; its URL."""
    with running_emulator() as url:
        yield url


@pytest.fixture
def cloud_storage(emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator in place of Google's servers, for child processes, too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    # Datasets use the class that asks Google, over gRPC, what kind of bucket it is.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    return emulator


@pytest.fixture
def bucket(cloud_storage: str) -> Bucket:
    """A new, empty bucket; `bucket.root` is a run root in it."""
    name = f"vertex-{next(_NUMBERS)}"
    fs, _ = open_filesystem("gs://")
    fs.mkdir(name)
    return Bucket(name, cloud_storage)


@pytest.fixture
def service(
    cloud_storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GoogleService]:
    """Vertex AI and its neighbours, which this process and its children ask.

    A test gives it the images that exist: `service.images.push(IMAGE, project.path)`.
    """
    with running_service(directory=tmp_path / "google") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def clients(service: GoogleService) -> GoogleClients:
    """The plugin's clients, which ask the service."""
    return GoogleClients(Location(service.place.project_id, service.place.region))
