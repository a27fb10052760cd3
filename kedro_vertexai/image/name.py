"""Names of images, as the engine and registries read them."""

from __future__ import annotations

import re

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.targets.vertex.images import parse_image

# https://github.com/distribution/reference/blob/main/regexp.go
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::\w[\w.-]{{0,127}})?", re.ASCII)
_OFFICIAL = "library/"


def check_buildable(image: str, *, pushed: bool) -> None:
    """Refuse a name that no image can be built or pushed under.

    Args:
        image: the name.
        pushed: whether it will be pushed, for which it must say where to.

    Raises:
        ConfigError: it is none.
    """
    if "@" in image:
        raise ConfigError(f"image {image} is named by its digest: name what is built by a tag")
    if not _NAME.fullmatch(image):
        raise ConfigError(
            f"image '{image}' is no name of an image: write HOST/PATH:TAG, the path in lowercase"
        )
    if pushed and parse_image(image).repository.startswith(_OFFICIAL) and "/" not in image:
        raise ConfigError(
            f"image {image} names no registry to push it to: write HOST/PATH:TAG under "
            "run_config.image, or pass --no-push"
        )


def tag_of(image: str) -> str:
    """The tag, `latest` where the name has none."""
    return parse_image(image).reference
