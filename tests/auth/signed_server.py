"""A server that checks every request's token, in place of MLflow's server or in front of it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.auth import jwt
from token_service import ISSUER, Key

EXPERIMENT = {"experiment_id": "1", "name": "signed", "lifecycle_stage": "active"}


class SignedServer:
    """Takes tokens that `key` signed for `audience` and that have not expired.

    What is signed is answered here, with as much of MLflow's API as the tests call, or by
    the server at `upstream`.
    """

    def __init__(
        self, key: Key, audience: str, upstream: str = "", address: str = "127.0.0.1"
    ) -> None:
        self.key = key
        self.audience = audience
        self.upstream = upstream
        """Host and port."""
        self.address = address
        """Of the interface that it listens on."""
        self.plain: set[str] = set()
        """Other values of the Authorization header that are taken."""
        self.seen: list[tuple[str, str | None]] = []
        """Path and Authorization header of every request."""
        self.headers: list[dict[str, str]] = []
        self.refused: list[str] = []
        """Why requests were turned away."""

    def __enter__(self) -> SignedServer:
        self._server = ThreadingHTTPServer((self.address, 0), type("H", (_Handler,), {"to": self}))
        self._server.daemon_threads = True
        self.url = f"http://{self.address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def check(self, header: str | None) -> None:
        """Raise ValueError unless the request is signed."""
        if header in self.plain:
            return
        scheme, _, token = (header or "").partition(" ")
        if scheme != "Bearer":
            raise ValueError(f"no bearer token in {header!r}")
        claims = jwt.decode(token, certs={"test": self.key.public}, audience=self.audience)
        if claims["iss"] != ISSUER:
            raise ValueError("another issuer")
        # google-auth's own check is exact to the second.
        if claims["exp"] <= time.time():
            raise ValueError("expired")

    @property
    def tokens(self) -> set[str | None]:
        return {header for _, header in self.seen}

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, str, bytes]:
        """Status, type and body."""
        if not self.upstream:
            return 200, "application/json", json.dumps(self.body(path.partition("?")[0])).encode()
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        kept = {name: value for name, value in headers.items() if name.lower() != "host"}
        connection.request(method, path, body, kept)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, response.headers["Content-Type"] or "text/plain", data

    def body(self, path: str) -> Any:
        run = {"run_id": "r1", "experiment_id": "1", "status": "RUNNING", "start_time": 1}
        answers: dict[str, Any] = {
            "experiments/get-by-name": {"experiment": EXPERIMENT},
            "experiments/get": {"experiment": EXPERIMENT},
            "runs/create": {"run": {"info": {**run, "run_uuid": "r1", "user_id": "u"}}},
            "runs/get": {"run": {"info": {**run, "artifact_uri": "mlflow-artifacts:/1/r1"}}},
        }
        return answers.get(path.partition("/mlflow/")[2], {})


class _Handler(BaseHTTPRequestHandler):
    to: SignedServer

    def _serve(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
        header = self.headers["Authorization"]
        self.to.seen.append((self.path.partition("?")[0], header))
        self.to.headers.append(dict(self.headers))
        try:
            self.to.check(header)
            status, kind, data = self.to.answer(self.command, self.path, self.headers, sent)
        except ValueError as error:
            self.to.refused.append(str(error))
            refusal = {"error_code": "UNAUTHENTICATED", "message": "not signed"}
            status, kind, data = 401, "application/json", json.dumps(refusal).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def __getattr__(self, name: str) -> Any:
        """Any method: `do_GET` and its like."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_: object) -> None: ...
