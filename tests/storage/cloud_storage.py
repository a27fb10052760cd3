"""Cloud Storage on this machine: an emulator, and gcsfs itself talking to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gcp_storage_emulator import server, settings
from gcp_storage_emulator.exceptions import NotFound

from kedro_vertexai.storage import open_filesystem


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


def random_bytes(size: int) -> bytes:
    """So many bytes that the emulator keeps: it drops a carriage return at the end of an object."""
    return os.urandom(size - 1) + b"." if size else b""


def _cancel_upload(request: Any, response: Any, storage: Any) -> None:
    """The emulator lacks it: gcsfs asks again and again, Cloud Storage answers 499.

    https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
    """
    try:
        storage.get_resumable_file_obj(request.query["upload_id"][0])
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND


def _with_cancel() -> tuple[Any, ...]:
    upload = rf"^{settings.UPLOAD_API_ENDPOINT}/b/(?P<bucket_name>[-.\w]+)/o$"
    return tuple(
        (pattern, {**methods, "DELETE": _cancel_upload} if pattern == upload else methods)
        for pattern, methods in server.HANDLERS
    )


@contextmanager
def running_emulator() -> Iterator[str]:
    """A running emulator in a process of its own, without any bucket; its URL."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _serve() -> None:
    """Tell the URL, and serve until the process is killed."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server.HANDLERS = _with_cancel()
    running = server.create_server("127.0.0.1", port, in_memory=True)
    running.start()
    print(f"http://127.0.0.1:{port}", flush=True)


if __name__ == "__main__":
    _serve()
