"""The image of the tasks: it is in its registry, and what its tag means now."""

from __future__ import annotations

from collections.abc import Iterator

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.images import image_digest, pinned
from kedro_vertexai.targets.vertex.preflight.finding import (
    Finding,
    UncheckedError,
    command,
    error,
    note,
)
from kedro_vertexai.targets.vertex.preflight.subject import Subject


def check_images(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """Findings about each image.

    Raises:
        UncheckedError: a registry does not tell of one; the others are checked all the same.
    """
    unchecked = []
    for image in subject.images:
        try:
            digest = image_digest(clients, image)
        except RunError as reason:
            unchecked.append(str(reason))
            continue
        if digest is None:
            yield error(
                f"image {image} does not exist in its registry",
                command("kedro", "vertexai", "build", "--image", image),
            )
        elif "@" not in image:
            pin = (image, pinned(image, digest))
            yield note(f"image {image} is {digest} now", pin=pin)
    if unchecked:
        raise UncheckedError("; ".join(dict.fromkeys(unchecked)))
