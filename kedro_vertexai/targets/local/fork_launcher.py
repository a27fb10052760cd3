"""Starts tasks of the runtime by asking a fork server."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.launcher import Command, Process, runtime_arguments
from kedro_vertexai.targets.local.messages import Connection, Message

_SERVER = "kedro_vertexai.targets.local.fork_server"

# Read by the interpreter or the dynamic linker when a process starts, so that a fork, which is
# started already, cannot honour another value. PYTHONPATH it can.
_READ_AT_START = ("PYTHON", "LD_")
_SECONDS_TO_END = 5.0


class ForkLauncher:
    """The target's side of one fork server, which starts at once and in the background."""

    def __init__(
        self,
        env: Mapping[str, str],
        log: Path,
        warm_modules: Iterable[str] = (),
        module: str | None = None,
    ) -> None:
        """Start the server.

        Args:
            env: environment in which the modules are imported.
            log: file for what the imports print.
            warm_modules: modules to import before tasks are forked.
            module: module whose `main(argv)` is a task; None: the runtime.
        """
        self._env = env
        self._log = log
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._processes: dict[int, _ForkedProcess] = {}
        self._is_ready = threading.Event()
        self._is_usable = False
        self.threads: list[str] = []
        """Threads that the warm modules started: a reason not to fork."""
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours)
        self._server = self._start_server(theirs, warm_modules, module)
        theirs.close()
        self._reader = threading.Thread(target=self._read, name="fork-server-reader", daemon=True)
        self._reader.start()

    def suits(self, command: Command) -> bool:
        """Return whether a fork would behave as a fresh process; waits for the imports."""
        if runtime_arguments(command.argv) is None:
            return False
        self._is_ready.wait()
        return self._is_usable and _at_start(command.env) == _at_start(self._env)

    def start(self, command: Command) -> Process:
        """Fork a task.

        Raises:
            TaskError: if the server cannot do it.
        """
        identifier = next(self._ids)
        process = _ForkedProcess(self, identifier)
        with self._lock:
            self._processes[identifier] = process
        request = {
            "id": identifier,
            "argv": runtime_arguments(command.argv),
            "env": dict(command.env),
            "cwd": str(command.cwd),
            "log": str(command.log),
        }
        try:
            self.send(request)
        except OSError:
            self._lose(process)
        process.wait_for_start()
        return process

    def send(self, message: Message) -> None:
        """Send a message to the server.

        Raises:
            OSError: if the server is gone.
        """
        with self._lock:
            self._connection.send(message)

    def close(self) -> None:
        """Have the server kill whatever still runs, and wait for its end."""
        with suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_RDWR)
        try:
            self._server.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            # It may still be importing.
            self._server.kill()
            self._server.wait()
        self._reader.join()
        self._connection.socket.close()

    def _start_server(
        self, end: socket.socket, warm_modules: Iterable[str], module: str | None
    ) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", _SERVER, "--fd", str(end.fileno())]
        argv += ["--module", module] if module else []
        for name in warm_modules:
            argv += ["--warm", name]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._env),
                # Nothing of the user's must lie on the server's import path.
                cwd="/",
                pass_fds=[end.fileno()],
                start_new_session=True,
            )

    def _read(self) -> None:
        while (messages := self._connection.receive()) is not None:
            for message in messages:
                self._handle(message)
        self._is_usable = False
        self._is_ready.set()
        with self._lock:
            lost = list(self._processes.values())
        for process in lost:
            self._lose(process)

    def _handle(self, message: Message) -> None:
        if "ready" in message:
            self.threads = message["threads"]
            self._is_usable = not self.threads
            self._is_ready.set()
            return
        process = self._processes[message["id"]]
        if "pid" in message:
            process.started(message["pid"])
        elif "error" in message:
            self._forget(process)
            process.failed(f"cannot fork the task: {message['error']}")
        else:
            self._forget(process)
            process.ended(message["returncode"])

    def _lose(self, process: "_ForkedProcess") -> None:
        """Make sure that a task ends although the server that should have seen to it is gone."""
        self._forget(process)
        if process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.failed(f"the process that tasks are forked from is gone, see {self._log}")

    def _forget(self, process: "_ForkedProcess") -> None:
        with self._lock:
            self._processes.pop(process.identifier, None)


class _ForkedProcess:
    def __init__(self, launcher: ForkLauncher, identifier: int) -> None:
        self.identifier = identifier
        self.pid: int | None = None
        self._launcher = launcher
        self._start_known = threading.Event()
        self._end_known = threading.Event()
        self._returncode = 0
        self._failure: str | None = None

    def started(self, pid: int) -> None:
        self.pid = pid
        self._start_known.set()

    def ended(self, returncode: int) -> None:
        self._returncode = returncode
        self._end_known.set()

    def failed(self, message: str) -> None:
        self._failure = message
        self._start_known.set()
        self._end_known.set()

    def wait_for_start(self) -> None:
        self._start_known.wait()
        if self.pid is None:
            raise TaskError(self._failure or "the task did not start")

    def wait(self) -> int:
        self._end_known.wait()
        if self._failure is not None:
            raise TaskError(self._failure)
        return self._returncode

    def signal(self, number: int) -> None:
        # By the server, which knows whether the process number is still the task's.
        with suppress(OSError):
            self._launcher.send({"id": self.identifier, "signal": int(number)})


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in env.items()
        if name.startswith(_READ_AT_START) and name != "PYTHONPATH"
    }
