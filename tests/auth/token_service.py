"""Google's token endpoints on 127.0.0.1, for the real google-auth.

One server speaks for all of them: `token_uri` of a service account's key file, the metadata
server of a machine, and the IAM Credentials API.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

ISSUER = "https://accounts.google.com"
MACHINE = "machine@test-project.iam.gserviceaccount.com"
# Google's words, for an assertion whose times are further off than so many seconds.
MOST_SKEW = 300
WRONG_TIME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


class Key:
    """An RSA key: what signs with it, and what checks that."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        self.public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def signer(self) -> Any:
        return crypt.RSASigner.from_string(self.private, key_id="test")


class AnswerError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body


@dataclass
class TokenService:
    """The server's state; a test changes it while the server runs."""

    signing_key: Key
    key_files: dict[str, Key] = field(default_factory=dict)
    """Valid keys, by the service account's address."""
    impersonators: dict[str, set[str]] = field(default_factory=dict)
    """Who may act as a service account, by its address."""
    lifetime: float = 3600
    """Seconds that an ID token lives."""
    is_machine: bool = False
    """Whether there is a metadata server."""
    answer: Any = None
    """What every request for an ID token gets instead of one."""
    delay: float = 0
    """Seconds before a token is handed out."""
    clock_skew: float = 0
    """Seconds by which its clock is ahead of this machine's."""
    issued: list[str] = field(default_factory=list)
    """Every ID token."""
    access_tokens: dict[str, str] = field(default_factory=dict)
    """Their owners' addresses."""
    address: str = "127.0.0.1"
    """Of the interface that it listens on."""

    def __enter__(self) -> TokenService:
        self._server = ThreadingHTTPServer((self.address, 0), type("H", (_Handler,), {"to": self}))
        self._server.daemon_threads = True
        self.host = f"{self.address}:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def key_file(self, address: str) -> dict[str, str]:
        """A service account's key file."""
        key = self.key_files.setdefault(address, self.signing_key)
        return {
            "type": "service_account",
            "project_id": "test-project",
            "private_key_id": "test",
            "private_key": key.private,
            "client_email": address,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    def id_token(self, audience: str, address: str, *, email: bool = True) -> Any:
        time.sleep(self.delay)
        if self.answer is not None:
            return self.answer
        now = time.time()
        claims: dict[str, Any] = {"iss": ISSUER, "aud": audience, "sub": address}
        if email:
            claims["email"] = address
        claims |= {"iat": int(now), "exp": now + self.lifetime, "jti": secrets.token_hex(4)}
        token = jwt.encode(self.signing_key.signer, claims).decode()
        self.issued.append(token)
        return token

    def access_token(self, address: str) -> dict[str, Any]:
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.access_tokens[token] = address
        return {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def exchange(self, form: dict[str, list[str]]) -> Any:
        """`token_uri`: what proves who is calling, for a token.

        That is an assertion signed with the key file's key, or what gcloud keeps of a login.
        """
        if "refresh_token" in form:
            return self.access_token(form["refresh_token"][0])
        assertion = form["assertion"][0]
        claims = jwt.decode(assertion, verify=False)
        if self.clock_skew and abs(claims["iat"] - time.time() - self.clock_skew) > MOST_SKEW:
            raise AnswerError(400, {"error": "invalid_grant", "error_description": WRONG_TIME})
        key = self.key_files.get(claims["iss"])
        try:
            jwt.decode(assertion, certs={"test": key.public if key else b""})
        except ValueError:
            description = "Invalid JWT Signature."
            error = {"error": "invalid_grant", "error_description": description}
            raise AnswerError(400, error) from None
        if "target_audience" in claims:
            return {"id_token": self.id_token(claims["target_audience"], claims["iss"])}
        return self.access_token(claims["iss"])

    def generate_id_token(self, address: str, caller: str, body: dict[str, Any]) -> Any:
        """The IAM Credentials API."""
        self.check_impersonation(address, caller)
        return {"token": self.id_token(body["audience"], address, email=body["includeEmail"])}

    def generate_access_token(self, address: str, caller: str) -> Any:
        self.check_impersonation(address, caller)
        token = self.access_token(address)["access_token"]
        expiry = datetime.fromtimestamp(time.time() + 3600, timezone.utc)
        return {"accessToken": token, "expireTime": f"{expiry:%Y-%m-%dT%H:%M:%SZ}"}

    def sign_jwt(self, address: str, caller: str, body: dict[str, Any]) -> Any:
        self.check_impersonation(address, caller)
        claims = {**json.loads(body["payload"]), "iss": address, "iat": int(time.time())}
        return {"signedJwt": jwt.encode(self.signing_key.signer, claims).decode()}

    def check_impersonation(self, address: str, caller: str) -> None:
        if caller not in self.impersonators.get(address, ()):
            message = "Permission 'iam.serviceAccounts.getOpenIdToken' denied"
            error = {"code": 403, "message": message, "status": "PERMISSION_DENIED"}
            raise AnswerError(403, {"error": error})

    def metadata(self, path: str, query: dict[str, list[str]]) -> Any:
        if not self.is_machine:
            raise AnswerError(404, "there is no metadata server here")
        account = "/computeMetadata/v1/instance/service-accounts/"
        if path == "/":
            return ""
        if path == "/computeMetadata/v1/project/project-id":
            return "test-project"
        if path == f"{account}default/identity":
            return self.id_token(query["audience"][0], MACHINE)
        if path in (f"{account}default/token", f"{account}{MACHINE}/token"):
            return self.access_token(MACHINE)
        if path == f"{account}default/":
            return {"email": MACHINE, "scopes": [], "aliases": ["default"]}
        raise AnswerError(404, path)


class _Handler(BaseHTTPRequestHandler):
    to: TokenService

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self._reply(lambda: self.to.metadata(url.path, parse_qs(url.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/token":
            self._reply(lambda: self.to.exchange(parse_qs(body.decode())))
            return
        address, _, method = self.path.rpartition("/")[2].partition(":")
        token = self.headers["Authorization"].removeprefix("Bearer ")
        caller = self.to.access_tokens[token]
        answers = {
            "generateIdToken": lambda: self.to.generate_id_token(address, caller, json.loads(body)),
            "generateAccessToken": lambda: self.to.generate_access_token(address, caller),
            "signJwt": lambda: self.to.sign_jwt(address, caller, json.loads(body)),
        }
        self._reply(answers[method])

    def _reply(self, make: Any) -> None:
        try:
            status, body = 200, make()
        except AnswerError as error:
            status, body = error.status, error.body
        text = isinstance(body, str)
        data = (body if text else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "text/plain" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...
