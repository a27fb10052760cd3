"""A real MLflow server, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen


@contextmanager
def running_mlflow(folder: Path, store: str = "") -> Iterator[str]:
    """A server that keeps everything in a folder, or shows a store; its host and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    options = {
        "--host": "127.0.0.1",
        "--port": host.partition(":")[2],
        "--workers": "1",
        "--backend-store-uri": store or f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination": str(folder / "artifacts"),
    }
    words = [sys.executable, "-m", "mlflow", "server"]
    words += [word for option in options.items() for word in option]
    # Half a dozen processes more, for what no test here asks of it.
    env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        started = subprocess.Popen(
            words, stdout=log, stderr=log, cwd=folder, env=env, start_new_session=True
        )
    try:
        _wait_for(f"http://{host}/health")
        yield host
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    """End the server and what it has started; on a busy machine it may not do so when asked."""
    started.terminate()
    with suppress(subprocess.TimeoutExpired):
        started.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 180
    while not _answers(url):
        assert time.monotonic() < deadline, url
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True
