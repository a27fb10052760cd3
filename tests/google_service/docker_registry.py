"""A registry of images that tells what a tag means, to everybody or to whoever has a token.

https://distribution.github.io/distribution/spec/api/ and .../spec/auth/token/
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from google_service.images import MANIFEST_TYPE, Images
from google_service.web import Answer, Request, Route


class DockerRegistry:
    """Serves manifests of images, found by their name without its host.

    Args:
        images: what it holds.
        accounts: passwords by user; who is none of them gets no token. None: no token is needed.
    """

    def __init__(self, images: Images, accounts: Mapping[str, str] | None = None) -> None:
        self.images = images
        self.accounts = accounts
        self.realm = ""
        """URL of the tokens, as the challenge names it; at this host without."""
        self._tokens: set[str] = set()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/token", self._token),
            Route("HEAD", "/v2/{name=**}/manifests/{reference=**}", self._manifest),
            Route("GET", "/v2/{name=**}/manifests/{reference=**}", self._manifest),
        ]

    def _manifest(self, request: Request, names: Mapping[str, str]) -> Answer:
        if self.accounts is not None and not self._may_read(request):
            realm = self.realm or f"http://{request.headers['host']}/v2/token"
            scope = f"repository:{names['name']}:pull"
            challenge = f'Bearer realm="{realm}",service="registry",scope="{scope}"'
            return _refused(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        image = self.images.find_path(names["name"], names["reference"])
        if image is None or MANIFEST_TYPE not in request.headers.get("accept", ""):
            return _refused(404, "MANIFEST_UNKNOWN", {})
        headers = {
            "Content-Type": MANIFEST_TYPE,
            "Docker-Content-Digest": image.digest,
            "Docker-Distribution-Api-Version": "registry/2.0",
        }
        return Answer(image.manifest, headers=headers)

    def _may_read(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and token in self._tokens

    def _token(self, request: Request, names: Mapping[str, str]) -> Answer | Mapping[str, Any]:
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(pair).decode().partition(":")
        known = self.accounts or {}
        if scheme != "Basic" or known.get(user) != password:
            return _refused(401, "UNAUTHORIZED", {})
        token = secrets.token_hex()
        self._tokens.add(token)
        return {"token": token, "expires_in": 300}


def _refused(status: int, code: str, headers: Mapping[str, str]) -> Answer:
    return Answer({"errors": [{"code": code, "message": code.lower()}]}, status, headers)
