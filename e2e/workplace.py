"""The directory that holds everything the tests make, and what a killed run of them left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from disk import new_disk
from engine import unmount_below

_PREFIX = "kve2e-"  # short: the path of a socket has at most 107 characters
_OWNER = "owner.pid"
_BRIDGE = "bridge"
_MEGABYTES = 40_000  # at most; a run of all tests takes a third of it


@contextmanager
def new_workplace() -> Iterator[Path]:
    """An empty directory on a disk of its own, which is gone afterwards."""
    clear_leftovers()
    state = Path(tempfile.mkdtemp(prefix=_PREFIX))
    # The users of containers get to what is mounted from it.
    state.chmod(0o755)
    (state / _OWNER).write_text(str(os.getpid()), encoding="utf-8")
    try:
        with new_disk(state / "w", _MEGABYTES) as place:
            place.chmod(0o755)
            yield place
            unmount_below(place)
    finally:
        _clear(state)


def remember_bridge(place: Path, name: str) -> None:
    """So that a later run can remove it if this one is killed."""
    (place.parent / _BRIDGE).write_text(name, encoding="utf-8")


def clear_leftovers() -> None:
    """Remove what runs have left that did not come to their end."""
    for place in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = place / _OWNER
        if owner.is_file() and not _is_alive(int(owner.read_text("utf-8"))):
            _stop_engines(place)
            _remove_bridge(place)
            _clear(place)


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _stop_engines(place: Path) -> None:
    """Those whose file of a process id is here; they end by themselves, soon."""
    for file in place.glob("w/*/dockerd.pid"):
        pid = int(file.read_text("utf-8"))
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(place).encode() in command.read_bytes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            _wait_for_end(pid)


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 60
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.2)


def _remove_bridge(place: Path) -> None:
    with suppress(FileNotFoundError):
        name = (place / _BRIDGE).read_text("utf-8")
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def _clear(state: Path) -> None:
    unmount_below(state)
    shutil.rmtree(state, ignore_errors=True)
