"""Secret Manager and Vault, as much of their HTTP interfaces as is asked of them."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.auth import jwt
from token_service import Key, TokenService

Answer = tuple[int, Any]


class _Server:
    """Answers with `answer(method, path, headers, body)`, and remembers what was asked."""

    def __enter__(self) -> Any:
        self.asked: list[str] = []
        self.failures: list[Answer] = []
        """Answers given first, one to each request."""
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def __getattr__(self, name: str) -> Callable[[], None]:
                if not name.startswith("do_"):
                    raise AttributeError(name)
                return lambda: answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"] or 0))
        self.asked.append(f"{request.command} {request.path}")
        if self.failures:
            status, said = self.failures.pop(0)
        else:
            status, said = self.answer(request, json.loads(body or b"{}"))
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def answer(self, request: BaseHTTPRequestHandler, body: Any) -> Answer:
        raise NotImplementedError


class SecretManagerServer(_Server):
    """Takes access tokens that `google` has handed out.

    `secrets` holds data by resource, from `projects/` to the version, `readers` who may read.
    """

    def __init__(self, google: TokenService) -> None:
        self.google = google
        self.secrets: dict[str, bytes] = {}
        self.readers: set[str] = set()

    def answer(self, request: BaseHTTPRequestHandler, body: Any) -> Answer:
        resource, _, method = request.path.removeprefix("/v1/").partition(":")
        token = (request.headers["Authorization"] or "").removeprefix("Bearer ")
        caller = self.google.access_tokens.get(token)
        if caller is None:
            return 401, {"error": {"message": "Request had invalid authentication credentials."}}
        if caller not in self.readers:
            message = "Permission 'secretmanager.versions.access' denied."
            return 403, {"error": {"message": message}}
        if method != "access" or resource not in self.secrets:
            return 404, {"error": {"message": f"Secret [{resource}] not found."}}
        data = base64.b64encode(self.secrets[resource]).decode()
        return 200, {"name": resource, "payload": {"data": data}}


class VaultServer(_Server):
    """KV version 2 at `secret/`, and logins that check what is presented.

    `secrets` holds keys and values by path.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self.secrets: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.pods: set[str] = set()
        """Valid tokens of pods."""
        self.namespace: str | None = None

    def issue(self) -> str:
        token = f"hvs.{secrets.token_urlsafe(24)}"
        self.tokens.add(token)
        return token

    def answer(self, request: BaseHTTPRequestHandler, body: Any) -> Answer:
        if request.headers["X-Vault-Request"] != "true":
            return 412, {"errors": ["no X-Vault-Request"]}
        if request.headers["X-Vault-Namespace"] != self.namespace:
            return 404, {"errors": []}
        path = request.path.removeprefix("/v1/")
        if path.startswith("auth/"):
            return self._login(path, body)
        if request.headers["X-Vault-Token"] not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path.removeprefix("secret/data/") not in self.secrets:
            return 404, {"errors": []}
        data = self.secrets[path.removeprefix("secret/data/")]
        return 200, {"data": {"data": data, "metadata": {"version": 1}}}

    def _login(self, path: str, body: Any) -> Answer:
        if path == "auth/kubernetes/login" and body["jwt"] in self.pods:
            return 200, {"auth": {"client_token": self.issue()}}
        if path == "auth/google/login":
            jwt.decode(body["jwt"], {"test": self.key.public}, audience=f"vault/{body['role']}")
            return 200, {"auth": {"client_token": self.issue()}}
        return 403, {"errors": ["permission denied"]}
