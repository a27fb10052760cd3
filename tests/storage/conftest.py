"""Cloud Storage on this machine: an emulator, and gcsfs itself talking to it."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from gcp_storage_emulator import server, settings
from gcp_storage_emulator.exceptions import NotFound

from kedro_vertexai.storage import open_filesystem

REPOSITORY = Path(__file__).parents[2]
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Bucket:
    """One bucket, which a test has for itself."""

    name: str
    host: str
    """URL of the emulator."""

    @property
    def root(self) -> str:
        return f"gs://{self.name}/runs"

    def objects(self, below: str = "") -> dict[str, bytes]:
        """Every object by its name after `gs://NAME/`."""
        fs, path = open_filesystem(f"gs://{self.name}/{below}")
        found = fs.find(path)
        return {name.removeprefix(f"{self.name}/"): fs.cat_file(name) for name in found}

    def generations(self) -> dict[str, str]:
        """What changes whenever an object is written, by its name."""
        fs, path = open_filesystem(f"gs://{self.name}")
        found = fs.find(path, detail=True)
        return {
            name.removeprefix(f"{self.name}/"): info["generation"] for name, info in found.items()
        }

    def put(self, name: str, content: bytes) -> str:
        """Write an object; return its URI."""
        fs, path = open_filesystem(f"gs://{self.name}/{name}")
        fs.pipe_file(path, content)
        return f"gs://{self.name}/{name}"


def _cancel_upload(request: Any, response: Any, storage: Any) -> None:
    """The emulator lacks it: gcsfs asks again and again, Cloud Storage answers 499.

    https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
    """
    try:
        storage.get_resumable_file_obj(request.query["upload_id"][0])
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND


def _with_cancel() -> tuple[Any, ...]:
    upload = r"^{}/b/(?P<bucket_name>[-.\w]+)/o$".format(settings.UPLOAD_API_ENDPOINT)
    return tuple(
        (pattern, {**methods, "DELETE": _cancel_upload} if pattern == upload else methods)
        for pattern, methods in server.HANDLERS
    )


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """A running emulator that every test of this folder shares; its URL."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before, server.HANDLERS = server.HANDLERS, _with_cancel()
    running = server.create_server("127.0.0.1", port, in_memory=True)
    running.start()
    yield f"http://127.0.0.1:{port}"
    running.stop()
    server.HANDLERS = before


@pytest.fixture
def cloud_storage(emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator in place of Google's servers, for child processes, too."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    # Datasets use the class that asks Google, over gRPC, what kind of bucket it is.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    path = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    return emulator


@pytest.fixture
def bucket(cloud_storage: str) -> Bucket:
    """A new, empty bucket."""
    name = f"bucket-{next(_NUMBERS)}"
    fs, _ = open_filesystem("gs://")
    fs.mkdir(name)
    return Bucket(name, cloud_storage)
