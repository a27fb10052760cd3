"""Fixtures of a Cloud Storage on this machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_storage import Bucket, running_emulator

from kedro_vertexai.storage import open_filesystem

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """A running emulator that every test of this folder shares; its URL."""
    with running_emulator() as url:
        yield url


@pytest.fixture
def cloud_storage(emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator in place of Google's servers, for child processes, too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    # Datasets use the class that asks Google, over gRPC, what kind of bucket it is.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    # They look for credentials, too.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return emulator


@pytest.fixture
def bucket(cloud_storage: str) -> Bucket:
    """A new, empty bucket."""
    name = f"bucket-{next(_NUMBERS)}"
    fs, _ = open_filesystem("gs://")
    fs.mkdir(name)
    return Bucket(name, cloud_storage)


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nobody has logged in, outside of Google Cloud."""
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
