"""Starts the process of a task: forked from a warm one where that works, else a fresh one."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kedro_vertexai.errors import TaskError

RUNTIME = "kedro_vertexai.runtime"
NO_FORK = "KEDRO_VERTEXAI_FORK"

_PYTHONS = frozenset({"python", "python3"})

# MAX_ARG_STRLEN of Linux, the final zero included (include/uapi/linux/binfmts.h). Checked
# everywhere, so that a job that works on another system also works in a container.
LONGEST_ARGUMENT = 131_072 - 1


@dataclass(frozen=True)
class Command:
    """A container's worth of work."""

    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    """The whole environment."""
    cwd: Path
    log: Path
    """File that standard output and standard error are appended to."""


class Process(Protocol):
    """A running task with everything it started."""

    def wait(self) -> int:
        """Wait for the end and return the exit code, negative for a signal.

        Raises:
            TaskError: if the end cannot be known.
        """

    def signal(self, number: int) -> None:
        """Send a signal to the task and everything it started."""


class Launcher(Protocol):
    """A way to run commands; `close` leaves nothing running."""

    def start(self, command: Command) -> Process:
        """Start a command.

        Raises:
            TaskError: if it cannot be started.
        """

    def close(self) -> None:
        """Kill whatever still runs."""


def can_fork() -> bool:
    """Return whether tasks may be forked from a warm process here."""
    return sys.platform == "linux" and os.environ.get(NO_FORK) != "0"


def runtime_arguments(argv: Sequence[str]) -> list[str] | None:
    """Return what follows `python -m kedro_vertexai.runtime`, None for another program."""
    if len(argv) >= 3 and argv[0] in _PYTHONS and list(argv[1:3]) == ["-m", RUNTIME]:
        return list(argv[3:])
    return None


def check_arguments(argv: Sequence[str]) -> None:
    """Refuse what Linux would refuse.

    Raises:
        TaskError: if there is no program, or an argument is too long.
    """
    if not argv:
        raise TaskError("the container has no command")
    longest = max(len(argument.encode("utf-8", "surrogatepass")) for argument in argv)
    if longest > LONGEST_ARGUMENT:
        raise TaskError(
            f"an argument of {longest:,} bytes cannot be passed to a container (at most "
            f"{LONGEST_ARGUMENT:,}): pass large values as an artifact"
        )


class SubprocessLauncher:
    """Starts every command as a fresh process."""

    def __init__(self) -> None:
        self._running: set[_Subprocess] = set()

    def start(self, command: Command) -> Process:
        """Start a command in a session of its own, out of reach of the terminal's Ctrl-C."""
        program = sys.executable if command.argv[0] in _PYTHONS else command.argv[0]
        try:
            with command.log.open("ab") as log:
                popen = subprocess.Popen(
                    [program, *command.argv[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(command.env),
                    cwd=command.cwd,
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            raise TaskError(f"cannot start '{command.argv[0]}': {error}") from error
        process = _Subprocess(popen, self._running)
        self._running.add(process)
        return process

    def close(self) -> None:
        """Kill whatever still runs."""
        for process in list(self._running):
            process.signal(signal.SIGKILL)


class _Subprocess:
    def __init__(self, popen: "subprocess.Popen[bytes]", running: "set[_Subprocess]") -> None:
        self._popen = popen
        self._running = running

    def wait(self) -> int:
        if hasattr(os, "waitid"):
            # Left unreaped until the group is killed, so that nobody else gets its number.
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
            self._signal_group(signal.SIGKILL)
        returncode = self._popen.wait()
        if not hasattr(os, "waitid"):
            self._signal_group(signal.SIGKILL)
        self._running.discard(self)
        return returncode

    def signal(self, number: int) -> None:
        if self._popen.returncode is None:
            self._signal_group(number)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)
