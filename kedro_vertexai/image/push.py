"""An image of the engine in its registry, and the digest that it has there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.engine import engine_errors, stopped
from kedro_vertexai.image.layers import PUSHED
from kedro_vertexai.image.name import tag_of
from kedro_vertexai.image.progress import LayerReporter
from kedro_vertexai.image.refusals import refusal
from kedro_vertexai.targets.vertex.images import repository_of

if TYPE_CHECKING:
    from docker import APIClient

    from kedro_vertexai.targets.vertex.registry_credentials import Basic

_DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64}) size: ")


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
    given = credentials.for_engine if credentials else None
    repository, tag = repository_of(image), tag_of(image)
    with closing(reporter), engine_errors():
        events = client.push(repository, tag, stream=True, decode=True, auth_config=given)
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
            raise RunError(refusal(str(event["error"]), image, "push"))
        said = _DIGEST.search(str(event.get("status", "")))
        digest = str((event.get("aux") or {}).get("Digest") or (said[1] if said else digest))
        PUSHED.tell(event, reporter)
    return digest
