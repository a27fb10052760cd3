"""What stands between the tasks and a real MLflow server: it counts, and it can be in the way."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as a client made it; `path` is below `/api/2.0/mlflow/` where it can be."""

    method: str
    path: str
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


# None lets a request pass; a number answers with that status; "hang" answers too late.
Rule = Callable[[Request], Any]


class MlflowProxy:
    """Hands requests on to the server at `upstream`, host and port."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.seen: list[Request] = []
        self.rule: Rule = lambda request: None

    def __enter__(self) -> MlflowProxy:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (_Handler,), {"to": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self, *endings: str) -> list[str]:
        """The paths of all requests, or of those with such an ending."""
        return [seen.path for seen in self.seen if not endings or seen.path.endswith(endings)]

    def answer(self, request: Request, path: str, headers: Any, body: bytes) -> Any:
        """Status, type and body."""
        said = self.rule(request)
        if said == "hang":
            time.sleep(15)
            said = 503
        if said:
            refusal = {"error_code": "PERMISSION_DENIED", "message": "not today"}
            return said, "application/json", json.dumps(refusal).encode()
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        kept = {name: value for name, value in headers.items() if name.lower() != "host"}
        connection.request(request.method, path, body, kept)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, response.headers["Content-Type"] or "text/plain", data


class _Handler(BaseHTTPRequestHandler):
    to: MlflowProxy

    def _serve(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
        short = self.path.partition("?")[0].rpartition("/mlflow/")[2]
        kind = self.headers["Content-Type"] or ""
        body = json.loads(sent) if sent and "json" in kind else {}
        request = Request(self.command, short, body, dict(self.headers))
        self.to.seen.append(request)
        status, kind, data = self.to.answer(request, self.path, self.headers, sent)
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
