"""Images in their registries: whether there is one, and which digest a tag means now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.registry_credentials import (
    Basic,
    docker_credentials,
    google_credentials,
)

if TYPE_CHECKING:
    from requests import Response, Session

_TIMEOUT = 10.0  # seconds for one request
# What a registry calls a manifest, of one platform or of several:
# https://github.com/opencontainers/image-spec/blob/main/media-types.md and
# https://distribution.github.io/distribution/spec/manifest-v2-2/
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DOCKER_HUB = "docker.io"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
# Registries that Docker speaks to without TLS: on this machine.
_PLAIN = re.compile(r"(localhost|127(\.\d+){3})(:\d+)?")


@dataclass(frozen=True)
class Image:
    """An image's name, as Docker reads it."""

    host: str
    repository: str
    reference: str
    """A tag or a digest."""


def parse_image(name: str) -> Image:
    """Take an image's name apart.

    https://github.com/distribution/reference/blob/main/normalize.go
    """
    rest, _, digest = name.partition("@")
    first, slash, below = rest.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, below) if has_host else (_DOCKER_HUB, rest)
    folder, slash, last = path.rpartition("/")
    last, _, tag = last.partition(":")
    repository = f"{folder}{slash}{last}"
    if host == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Image(host, repository, digest or tag or "latest")


def repository_of(image: str) -> str:
    """An image's name without its tag or digest."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def pinned(image: str, digest: str) -> str:
    """The name under which an image stays the same, also after its tag has moved."""
    return f"{repository_of(image)}@{digest}"


def is_artifact_registry(host: str) -> bool:
    """Whether Google keeps this registry, gcr.io's older names included."""
    return host.endswith((".pkg.dev", ".gcr.io")) or host == "gcr.io"


def google_login(clients: GoogleClients, image: str) -> Basic | None:
    """The user's Google token where `docker login` has nothing for one of Google's registries.

    Raises:
        RunError: there is none either, or Docker's configuration cannot be read.
    """
    host = parse_image(image).host
    if not is_artifact_registry(host) or docker_credentials(host):
        return None
    return google_credentials(clients)


def image_digest(clients: GoogleClients, image: str) -> str | None:
    """The digest that an image's tag means now, `sha256:...`; None if there is no such image.

    Google's registries are asked with the user's Google token, others with what `docker login`
    has kept, or as anybody.

    Raises:
        RunError: the registry cannot be asked, or does not say.
    """
    from requests import RequestException

    parsed = parse_image(image)
    try:
        response = _manifest(clients, parsed)
    except RequestException as error:
        raise RunError(f"{parsed.host} cannot be reached ({type(error).__name__})") from error
    if response.status_code == 404:
        return None
    if response.status_code in (401, 403):
        raise RunError(f"{parsed.host} does not let you read {parsed.repository}")
    if response.status_code != 200:
        raise RunError(f"{parsed.host} answers {response.status_code}")
    digest = response.headers.get("Docker-Content-Digest", "")
    if not digest:
        raise RunError(f"{parsed.host} does not say which digest {image} has")
    return digest


def registry_url(host: str) -> str:
    """Where a registry answers."""
    if host == _DOCKER_HUB:
        return "https://registry-1.docker.io"
    emulator = endpoint("artifactregistry", "")
    if is_artifact_registry(host) and emulator.startswith("http://"):
        return emulator
    return f"http://{host}" if _PLAIN.fullmatch(host) else f"https://{host}"


def _manifest(clients: GoogleClients, image: Image) -> Response:
    """The answer of the registry, asked again with a token if it wants one.

    https://distribution.github.io/distribution/spec/auth/token/
    """
    session, base = clients.open_session, registry_url(image.host)
    url = f"{base}/v2/{image.repository}/manifests/{image.reference}"
    headers = {"Accept": ", ".join(_MANIFESTS)}

    def head(authorization: str = "") -> Response:
        extra = {"Authorization": authorization} if authorization else {}
        return session.head(url, headers=headers | extra, timeout=_TIMEOUT, allow_redirects=True)

    response = head()
    if response.status_code != 401:
        return response
    scheme, _, text = response.headers.get("WWW-Authenticate", "").partition(" ")
    challenge = dict(_CHALLENGE.findall(text))
    basic = _credentials(clients, image.host)
    if scheme.lower() == "bearer" and _is_safe(challenge.get("realm", ""), base):
        token = _token(session, challenge, image, basic)
        return head(f"Bearer {token}") if token else response
    return head(basic.header) if scheme.lower() == "basic" and basic else response


def _credentials(clients: GoogleClients, host: str) -> Basic | None:
    """Who asks. A Google token is never sent where everybody can read it."""
    if not is_artifact_registry(host):
        return docker_credentials(host)
    return google_credentials(clients) if registry_url(host).startswith("https://") else None


def _is_safe(realm: str, base: str) -> bool:
    """Whether a password may go where a registry sends us: never without TLS but to itself.

    The realm of Google's registries is their own host.
    """
    return realm.startswith(("https://", f"{base}/"))


def _token(
    session: Session, challenge: dict[str, str], image: Image, basic: Basic | None
) -> str | None:
    params = {"scope": challenge.get("scope", f"repository:{image.repository}:pull")}
    if "service" in challenge:
        params["service"] = challenge["service"]
    headers = {"Authorization": basic.header} if basic else {}
    response = session.get(challenge["realm"], params=params, headers=headers, timeout=_TIMEOUT)
    if response.status_code != 200:
        return None
    try:
        content = response.json()
    except ValueError as error:
        raise RunError(f"{image.host} gives no token") from error
    token = content.get("token") or content.get("access_token")
    return str(token) if token else None
