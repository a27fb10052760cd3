"""A process that imports what every task needs once, and forks the tasks.

Run as `python -m kedro_vertexai.targets.local.fork_server --fd N`, where N is its end of a
socket pair (see `messages.py`). It ends, and ends its children, when the other end is closed.
Linux only.
"""

import argparse
import atexit
import ctypes
import gc
import importlib
import inspect
import logging
import os
import random
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn, cast

from kedro_vertexai.targets.local.messages import Connection, Message

DEFAULT_MODULE = "kedro_vertexai.runtime.__main__"

# linux/prctl.h
_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until the other end of the socket is closed."""
    parser = argparse.ArgumentParser(prog="fork_server")
    parser.add_argument("--fd", type=int, required=True, help="our end of the socket pair")
    parser.add_argument("--module", default=DEFAULT_MODULE, help="module whose main(argv) to run")
    parser.add_argument("--warm", action="append", default=[], help="module to import beforehand")
    options = parser.parse_args(argv)
    _log_to_stderr()
    _forget_start_directory()
    for name in [options.module, *options.warm]:
        _import_if_possible(name)
    # It looks up the file of every module, and remembers: Kedro's settings ask for it.
    inspect.stack()
    ForkServer(Connection(socket.socket(fileno=options.fd)), options.module).serve()


def _log_to_stderr() -> None:
    """Log our own messages only: children inherit the root logger and expect it untouched."""
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def _forget_start_directory() -> None:
    """Drop the directory that `python -m` put first; each child gets its own instead."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path.pop(0)


def _import_if_possible(name: str) -> None:
    """Import a module for the children; they report a failure themselves if it matters."""
    try:
        importlib.import_module(name)
    except BaseException as error:
        logger.debug("cannot import %s beforehand: %r", name, error)


class ForkServer:
    """Forks a child for each request and reports how it ended."""

    def __init__(self, connection: Connection, module: str) -> None:
        self._connection = connection
        self._module = module
        self._ids: dict[int, int] = {}
        self._wakeup: tuple[int, int] = os.pipe()
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Answer requests until the other end is closed, then kill what still runs."""
        self._watch_children()
        self._selector.register(self._connection.socket, selectors.EVENT_READ)
        # Collecting or freeing shared objects in a child would copy their memory pages.
        gc.collect()
        gc.disable()
        gc.freeze()
        try:
            threads = [thread.name for thread in threading.enumerate()][1:]
            self._connection.send({"ready": True, "threads": threads})
            while self._answer():
                pass
        except OSError:
            logger.debug("the other end is gone")
        finally:
            for pid in self._ids:
                _signal_group(pid, signal.SIGKILL)

    def _watch_children(self) -> None:
        for descriptor in self._wakeup:
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._wakeup[1])
        # A handler must exist for the signal to be written to the pipe.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._wakeup[0], selectors.EVENT_READ)

    def _answer(self) -> bool:
        for key, _ in self._selector.select():
            if key.fileobj == self._wakeup[0]:
                with suppress(BlockingIOError):
                    os.read(self._wakeup[0], 4096)
                self._reap()
                continue
            messages = self._connection.receive()
            if messages is None:
                return False
            for message in messages:
                self._handle(message)
        return True

    def _handle(self, message: Message) -> None:
        if "signal" in message:
            for pid, identifier in self._ids.items():
                if identifier == message["id"]:
                    _signal_group(pid, message["signal"])
            return
        try:
            pid = self._fork(message)
        except OSError as error:
            self._connection.send({"id": message["id"], "error": str(error)})
            return
        self._ids[pid] = message["id"]
        self._connection.send({"id": message["id"], "pid": pid})

    def _fork(self, request: Message) -> int:
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python counts threads of numeric libraries, which survive a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._become_task(request, parent)
        return pid

    def _become_task(self, request: Message, parent: int) -> NoReturn:
        """Run the request in the new child; whatever happens, never return to the server."""
        code = 1
        try:
            _die_with(parent)
            os.setsid()
            self._let_go()
            _redirect(request["log"])
            code = _run_as_script(self._module, request)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _let_go(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        self._connection.socket.close()
        for descriptor in self._wakeup:
            os.close(descriptor)

    def _reap(self) -> None:
        while self._ids:
            # Left unreaped until the group is killed, so that nobody else gets its number.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            pid = ended.si_pid
            _signal_group(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            identifier = self._ids.pop(pid, None)
            if identifier is not None:
                returncode = os.waitstatus_to_exitcode(status)
                self._connection.send({"id": identifier, "returncode": returncode})


def _signal_group(pid: int, number: int) -> None:
    """Signal a child and everything it started."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # The child has not made its own group yet.
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:
        logger.debug("may not signal the group of %s", pid)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the server dies, however it dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _redirect(log: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)


def _run_as_script(module: str, request: Message) -> int:
    """Do what `python -m <module>` does in a fresh process, and return the exit code."""
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    _extend_path(request["cwd"])
    gc.enable()
    _reseed()
    code = _exit_code(module, request["argv"])
    # What the interpreter does at its end, short of tearing down every module.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return code


def _extend_path(cwd: str) -> None:
    """Put first what `python -m` puts first: the current directory, then PYTHONPATH."""
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    new = [path for path in map(os.path.abspath, entries) if path not in sys.path]
    if not getattr(sys.flags, "safe_path", False):
        new.insert(0, cwd)
    sys.path[:0] = new


def _reseed() -> None:
    """Give the child random numbers of its own, as a fresh process has."""
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _exit_code(module: str, argv: list[str]) -> int:
    try:
        loaded = importlib.import_module(module)
        sys.argv = [loaded.__file__ or module, *argv]
        sys.modules["__main__"] = loaded
        run = cast(Callable[[list[str]], int | None], loaded.main)
        sys.exit(run(argv))
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        sys.stderr.write(f"{error.code}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException as error:
        # Without our own frame, as the user knows it.
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(frames), frames)
        return 1


if __name__ == "__main__":
    main()
    # Taking the imported modules apart would cost seconds of a processor and serve nobody.
    os._exit(0)
