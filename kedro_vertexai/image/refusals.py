"""What a registry's refusal means, as the engine passes it on: one line with what helps."""

from __future__ import annotations

import re
from typing import Literal

from kedro_vertexai.image.engine import disk_full
from kedro_vertexai.targets.vertex.images import is_artifact_registry, parse_image

Doing = Literal["push", "pull"]

_DENIED = re.compile(
    r"unauthorized|denied|no basic auth credentials|authentication required|forbidden", re.I
)
_PLAIN = "server gave HTTP response to HTTPS client"
_NO_REPOSITORY = re.compile(r'name unknown|repository "?[^ ]*"? not found', re.I)
_NO_IMAGE = re.compile(r"manifest unknown|manifest for .* not found|not found: manifest", re.I)
_DOWN = re.compile(
    r"connection refused|no such host|i/o timeout|timeout|deadline exceeded|connection reset|"
    r"no route to host|EOF|\b50[0234]\b|retrying|network is unreachable",
    re.I,
)
# https://cloud.google.com/artifact-registry/docs/access-control#roles
_ROLES = {"push": "roles/artifactregistry.writer", "pull": "roles/artifactregistry.reader"}


def refusal(words: str, image: str, doing: Doing) -> str:
    """Say in one line why an image is not pushed or pulled.

    Args:
        words: the engine's.
        image: its name.
        doing: what was asked for.
    """
    if full := disk_full(words):
        return full
    host = parse_image(image).host
    said = " ".join(words.split())
    if missing := _missing(words, image, doing):
        return f"{missing} ({said})"
    if _PLAIN in said:
        return (
            f"{host} speaks without TLS, which the Docker engine takes only from this machine: "
            'name it under "insecure-registries" in its daemon.json'
        )
    if _DENIED.search(words):
        return f"{host} does not let you {doing} {image}: {_login(host, doing)} ({said})"
    if _DOWN.search(words):
        return f"{host} cannot be reached, so {image} is not {doing}ed: try again later ({said})"
    return f"{image} is not {doing}ed: {said}"


def _missing(words: str, image: str, doing: Doing) -> str:
    """What the registry does not have, and who makes it; empty if that is not what it says."""
    host = parse_image(image).host
    no_repository = _NO_REPOSITORY.search(words)
    if doing == "pull":
        found = no_repository or _NO_IMAGE.search(words)
        return f"{host} has no image {image}: `kedro vertexai build` makes it" if found else ""
    if no_repository:
        return f"{host} has no repository for {image}: {_make_repository(image)}"
    return ""


def _login(host: str, doing: Doing) -> str:
    if is_artifact_registry(host):
        return f"run `gcloud auth configure-docker {host}`, and ask for {_ROLES[doing]}"
    return "run `docker login`" if host == "docker.io" else f"run `docker login {host}`"


def _make_repository(image: str) -> str:
    parsed = parse_image(image)
    project, _, rest = parsed.repository.partition("/")
    location = parsed.host.removesuffix("-docker.pkg.dev")
    if location == parsed.host or not rest:
        return "make it, or change run_config.image"
    return (
        f"run `gcloud artifacts repositories create {rest.partition('/')[0]} "
        f"--repository-format=docker --location={location} --project={project}`"
    )
