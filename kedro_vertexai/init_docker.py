"""The `Dockerfile` and `.dockerignore` that `kedro vertexai init --with-docker` writes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Template

from kedro_vertexai import __version__
from kedro_vertexai.templates import templates_dir

_OURSELVES = re.compile(r"^[^#]*kedro[-_.]+vertexai", re.IGNORECASE | re.MULTILINE)
_OTHER_FILES = re.compile(r"^\s*(-r|--requirement)\b", re.MULTILINE)


class _DockerTemplate(Template):
    """In these files a dollar is their own."""

    delimiter = "%"


def docker_files(path: Path, conf: Path) -> dict[Path, str]:
    """Return the files of a project by what is to be written into them.

    Args:
        path: the Kedro project's root.
        conf: its configuration. One beside the project cannot be in the image.
    """
    values = {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "conf": conf.relative_to(path).as_posix() if conf.is_relative_to(path) else "conf",
    }
    return {
        path / name: _DockerTemplate(
            (templates_dir() / "docker" / name).read_text(encoding="utf-8")
        ).substitute(values)
        for name in ("Dockerfile", ".dockerignore")
    }


def what_the_image_lacks(path: Path) -> list[str]:
    """Tell of requirements without which the image cannot be built, or runs no task."""
    requirements = path / "requirements.txt"
    if not requirements.is_file():
        return ["No requirements.txt found: the image holds the packages that it names."]
    text = requirements.read_text(encoding="utf-8")
    if _OURSELVES.search(text) or _OTHER_FILES.search(text):
        return []
    return [f"requirements.txt does not name kedro-vertexai: add kedro-vertexai=={__version__}"]
