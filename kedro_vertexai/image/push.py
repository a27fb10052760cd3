"""An image of the engine in its registry, and the digest that it has there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.engine import disk_full, engine_errors, stopped
from kedro_vertexai.image.name import tag_of
from kedro_vertexai.image.progress import LayerReporter
from kedro_vertexai.targets.vertex.images import (
    is_artifact_registry,
    parse_image,
    repository_of,
)

if TYPE_CHECKING:
    from docker import APIClient

    from kedro_vertexai.targets.vertex.registry_credentials import Basic

# What the engine says of a layer: https://github.com/moby/moby/blob/master/distribution/push_v2.go
_DONE = {"Pushed": "pushed", "Layer already exists": "there already"}
_MOVING = "Pushing"
_MOUNTED = "Mounted from"
_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64}) size: ")
_DENIED = re.compile(
    r"unauthorized|denied|no basic auth credentials|authentication required|forbidden", re.I
)
_PLAIN = "server gave HTTP response to HTTPS client"
_NO_REPOSITORY = re.compile(r'name unknown|repository "?[^ ]*"? not found', re.I)
_DOWN = re.compile(
    r"connection refused|no such host|i/o timeout|timeout|deadline exceeded|connection reset|"
    r"no route to host|EOF|50[0234]|retrying|network is unreachable",
    re.I,
)


def push(client: APIClient, image: str, credentials: Basic | None, reporter: LayerReporter) -> str:
    """Push an image; return its digest in the registry, `sha256:...`.

    Args:
        client: of the engine.
        image: name and tag.
        credentials: for the registry; None takes what `docker login` has kept.
        reporter: hears of each layer; closed at the end.

    Raises:
        RunError: it is not in the registry.
    """
    given = credentials and {"username": credentials.user, "password": credentials.password}
    repository, tag = repository_of(image), tag_of(image)
    with closing(reporter), engine_errors():
        events = client.push(repository, tag, stream=True, decode=True, auth_config=given or None)
        digest = follow(events, image, reporter)
    if not digest:
        # So ends the stream of an engine that ends.
        raise stopped()
    return digest


def follow(events: Iterable[Mapping[str, Any]], image: str, reporter: LayerReporter) -> str:
    """Hear what the engine says of a push; return the digest, empty if it does not say.

    Raises:
        RunError: the push fails.
    """
    digest = ""
    for event in events:
        if "error" in event:
            raise RunError(_refusal(str(event["error"]), image))
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        said = _DIGEST.search(status)
        digest = str((event.get("aux") or {}).get("Digest") or (said[1] if said else digest))
        if status == _MOVING:
            detail = event.get("progressDetail") or {}
            reporter.moved(layer, int(detail.get("current", 0)), int(detail.get("total", 0)))
        elif how := _DONE.get(status):
            reporter.done(layer, how)
        elif status.startswith(_MOUNTED):
            reporter.done(layer, "there already")
    return digest


def _refusal(words: str, image: str) -> str:
    """What an error of the registry means, in one line."""
    if full := disk_full(words):
        return full
    host = parse_image(image).host
    said = " ".join(words.split())
    if _NO_REPOSITORY.search(words):
        return f"{host} has no repository for {image}: {_make_repository(image)} ({said})"
    if _PLAIN in said:
        return (
            f"{host} speaks without TLS, which the Docker engine takes only from this machine: "
            'name it under "insecure-registries" in its daemon.json'
        )
    if _DENIED.search(words):
        return f"{host} does not let you push {image}: {_login(host)} ({said})"
    if _DOWN.search(words):
        return f"{host} cannot be reached, so {image} is not pushed: try again later ({said})"
    return f"{image} is not pushed: {said}"


def _login(host: str) -> str:
    if is_artifact_registry(host):
        return (
            f"run `gcloud auth configure-docker {host}`, and ask for roles/artifactregistry.writer"
        )
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
