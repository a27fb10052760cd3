"""What of an image differs from the environment that compiles for it, and what helps."""

from __future__ import annotations

import sys

from kedro_vertexai import __version__

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HOLDS_NONE = (
    f"the image holds no kedro-vertexai {__version__}: name it in requirements.txt and build anew"
)


def differences(version: str | None, python: str) -> list[str]:
    """One line for each difference.

    Args:
        version: of this package in the image; None if it holds none.
        python: its Python, major and minor.
    """
    found = []
    if version != __version__:
        found.append(
            f"the image has kedro-vertexai {version}, you compile with "
            f"{__version__}: name that version in requirements.txt and build anew"
        )
    if python != PYTHON:
        found.append(
            f"the image has Python {python}, you compile with {PYTHON}, and objects "
            "travel as pickles: build with another BASE_IMAGE"
        )
    return found
