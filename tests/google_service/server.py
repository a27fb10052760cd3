"""The HTTP server: keep-alive, one thread a connection, a record of every request."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from google_service.errors import GoogleError
from google_service.faults import Disturbance
from google_service.web import Answer, Request

# Answers a request; what may disturb the answer on its way comes with it.
Respond = Callable[[Request], tuple[Answer, Disturbance]]
Clock = Callable[[], timedelta]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Tests start many clients at once.
    request_queue_size = 64
    respond: Respond
    clock_skew: Clock

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is."""
        with suppress(ConnectionError, BrokenPipeError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ESF"
    sys_version = ""
    server: _Server
    # Header and body of an answer leave as one packet.
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self) -> None:
        url = urlsplit(self.path)
        items = parse_qsl(url.query, keep_blank_values=True)
        request = Request(
            method=self.command,
            path=unquote(url.path),
            query=dict(items),
            headers={name.lower(): value for name, value in self.headers.items()},
            raw=self._read_body(),
            query_items=tuple(items),
        )
        answer, disturbance = self.server.respond(request)
        time.sleep(disturbance.delay)
        if disturbance.reset:
            self._reset()
            return
        self._write(answer, disturbance)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _write(self, answer: Answer, disturbance: Disturbance) -> None:
        content = answer.content
        if disturbance.shorten:
            content = content[: len(content) // 2]
        headers = {"Content-Type": "application/json; charset=UTF-8", **answer.headers}
        headers.setdefault("Content-Length", str(len(content)))
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if disturbance.truncate else content)
        if disturbance.truncate:
            self.close_connection = True

    def _reset(self) -> None:
        """End the connection as a machine does that went down: no answer, RST."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header, by which a client may see that its clock is wrong."""
        now = datetime.now(timezone.utc) + self.server.clock_skew()
        return format_datetime(now, usegmt=True)

    def log_message(self, *_: object) -> None:
        """The service's record of requests is for the tests to read."""


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    setattr(_Handler, f"do_{_method}", _Handler.answer)


@contextmanager
def serving(
    respond: Respond, clock_skew: Clock, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server on this machine; its URL."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.respond, server.clock_skew = respond, clock_skew  # type: ignore[method-assign]
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def as_error(error: GoogleError) -> Answer:
    return Answer(error.body, error.code, error.headers)
