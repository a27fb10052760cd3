"""Servers in processes of their own that end with this one, whatever ends it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# Part of util-linux. It asks the process to end when the tests are killed, and becomes it.
_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM")


class NotStartedError(Exception):
    """A server does not answer; says what it printed last."""


@contextmanager
def running(
    argv: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    patience: float = 60,
    grace: float = 60,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ready.

    Args:
        argv: what to run.
        log: file for everything that it prints.
        is_ready: whether it serves by now.
        env: its environment.
        patience: seconds until it must be ready.
        grace: seconds that it has to end in.

    Raises:
        NotStartedError: it ended, or was not ready in time.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_WITH_PARENT, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env) if env is not None else None,
            # A terminal's Ctrl-C is for the tests, which then end their servers in order.
            start_new_session=True,
        )
    try:
        _wait_until(is_ready, process, log, argv[0], patience)
        yield process
    finally:
        end(process, grace)


def end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask a process to end, and kill it once `grace` seconds have passed."""
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def listens(address: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def last_lines(log: Path, count: int = 5) -> str:
    """The end of what a process has printed."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:])


def _wait_until(
    is_ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    log: Path,
    name: str,
    patience: float,
) -> None:
    deadline = time.monotonic() + patience
    while not is_ready():
        if process.poll() is not None:
            raise NotStartedError(f"{name} ended with {process.returncode}: {last_lines(log)}")
        if time.monotonic() > deadline:
            raise NotStartedError(f"{name} does not answer: {last_lines(log)}")
        time.sleep(0.1)
