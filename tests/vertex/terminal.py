"""A command on a real terminal, with somebody who reads and types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Only the process itself can make the terminal the one whose Ctrl-C it gets.
_TAKE_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
_PATIENCE = 60.0
CTRL_C = "\x03"


class Terminal:
    """A command and the screen that it writes to."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self._said = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """All that was written so far, without what moves the cursor."""
        return _CONTROL.sub("", self._said.decode(errors="replace"))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._screen, text.encode())

    def expect(self, pattern: str) -> None:
        """Wait until a regular expression finds something in the text."""
        self.wait(lambda: re.search(pattern, self.text) is not None, pattern)

    def wait(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait for a condition, as long as the command runs."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert self._reader.is_alive() or condition(), f"no {what}; it ended: {self.text}"
            assert time.monotonic() < deadline, f"no {what} in: {self.text}"
            time.sleep(0.05)

    def exit_code(self) -> int:
        """Wait for the end."""
        code = self.process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        return code

    def _read(self) -> None:
        try:
            while read := os.read(self._screen, 65536):
                self._said += read
        except OSError:
            return  # Linux says so once nobody has the other end open.


@contextmanager
def on_terminal(directory: Path, *arguments: str) -> Iterator[Terminal]:
    """Run `kedro vertexai` on a terminal of 40 lines of 120 characters."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, "-m", "kedro", "vertexai", *arguments],
        cwd=directory,
        env={**os.environ, "DO_NOT_TRACK": "1", "TERM": "xterm"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)
