"""Messages between the local target and its fork server: JSON behind a length.

From the target: `{"id", "argv", "env", "cwd", "log"}` starts a process,
`{"id", "signal"}` sends a signal to all processes that came of it.
From the server: `{"ready", "threads"}` once the imports are done, `{"id", "pid"}` or
`{"id", "error"}` for a start, `{"id", "returncode"}` for an end (negative: a signal's number).
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct("!I")
_CHUNK = 65536

Message = Mapping[str, Any]


class Connection:
    """One end of the socket; neither method may be called by two threads at once."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._received = bytearray()

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            OSError: if the other end is gone.
        """
        body = json.dumps(message).encode()
        self.socket.sendall(_LENGTH.pack(len(body)) + body)

    def receive(self) -> list[Message] | None:
        """Wait until something arrives and return the complete messages; None: the end."""
        try:
            chunk = self.socket.recv(_CHUNK)
        except OSError:
            return None
        if not chunk:
            return None
        self._received += chunk
        return list(self._complete())

    def _complete(self) -> list[Message]:
        messages = []
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                break
            messages.append(json.loads(self._received[_LENGTH.size : end]))
            del self._received[:end]
        return messages
