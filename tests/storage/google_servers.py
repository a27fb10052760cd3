"""Servers on this machine that answer as Google's do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

# What was asked for, method and path, and with which authorization.
Requests = list[tuple[str, str]]


def refused(status: int, message: str) -> str:
    """The JSON of an error, as all of Google's services write it.

    https://cloud.google.com/apis/design/errors#http_mapping
    """
    return json.dumps({"error": {"code": status, "message": message}})


@contextmanager
def answering(status: int, body: str, seen: Requests | None = None) -> Iterator[str]:
    """A server that answers every request alike; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if seen is not None:
                seen.append((self.path.partition("?")[0], self.headers.get("Authorization", "")))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Answer, f"do_{method}", Answer.answer)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
