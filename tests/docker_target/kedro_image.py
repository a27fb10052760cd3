"""An image as a project's own would be: Kedro, this package and the project."""

from __future__ import annotations

import io
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import docker
from python_image import REPOSITORY, USER, python_image

_PROJECT = "home/kedro/project"
_RUNTIME = REPOSITORY / "templates" / "runtime-requirements.txt"
_LEFT_OUT = {".vertexai", "__pycache__", "data", ".git"}


def project_image(client: docker.DockerClient, project: Path, *more: str) -> str:
    """Make the image of a project; its name.

    Args:
        client: of the engine.
        project: what the image holds in its working directory.
        more: distributions that the project needs.
    """
    base = python_image(client, "test-kedro", *_runtime_requirements(), *more)
    container = client.containers.create(base, ["python"])
    try:
        container.put_archive("/", _archive(project))
        container.commit(repository=project.name.lower(), tag="1")
    finally:
        container.remove()
    return f"{project.name.lower()}:1"


def _runtime_requirements() -> list[str]:
    lines = _RUNTIME.read_text(encoding="utf-8").splitlines()
    return [line.split(">")[0] for line in lines if line and not line.startswith("#")]


def _archive(project: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path in sorted(project.rglob("*")):
            place = path.relative_to(project)
            if not _LEFT_OUT & set(place.parts):
                tar.add(path, f"{_PROJECT}/{place}", recursive=False, filter=_of_user)
        package = distribution("kedro-vertexai")
        site = Path(str(package.locate_file("")))
        for path in (REPOSITORY / "kedro_vertexai").rglob("*.py"):
            tar.add(path, str(site / path.relative_to(REPOSITORY)).lstrip("/"))
        # Its entry points, by which Kedro finds its hooks.
        (entry_points,) = (file for file in package.files or () if file.name == "entry_points.txt")
        for name in ("METADATA", "entry_points.txt"):
            file = Path(str(entry_points.locate())).with_name(name)
            tar.add(file, str(site / file.parent.name / name).lstrip("/"))
    return stream.getvalue()


def _of_user(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = USER
    return entry
