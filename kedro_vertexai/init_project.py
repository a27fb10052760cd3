"""`kedro vertexai init`: a first `vertexai.yml` that is valid as written, and a `Dockerfile`."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.files import write_together, write_whole
from kedro_vertexai.init_docker import docker_files, what_the_image_lacks
from kedro_vertexai.project_config import conf_dirs, shown
from kedro_vertexai.targets.local.layout import ROOT
from kedro_vertexai.templates import templates_dir

LOCAL_STATE = f"{ROOT}/"

# https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin
# The shortest are older than that rule; what stands before a colon is an organisation's domain.
_PROJECT_ID = re.compile(r"([a-z0-9][a-z0-9.-]*:)?[a-z0-9][a-z0-9-]*")
# https://cloud.google.com/vertex-ai/docs/general/locations
_REGION = re.compile(r"[a-z][a-z0-9-]*")


def init_project(
    path: Path, project_id: str, region: str, *, docker: bool = False, force: bool
) -> list[str]:
    """Write `vertexai.yml` into the base environment and keep local runs out of git.

    Args:
        path: the Kedro project's root.
        project_id: Google Cloud project.
        region: Google Cloud region.
        docker: write a `Dockerfile` and a `.dockerignore`, too. Then only these must be new: a
            `vertexai.yml` that is there is kept, and so is a `.dockerignore`.
        force: replace existing files.

    Returns:
        What to tell the user.

    Raises:
        ConfigError: a file exists and `force` is not given, or there can be no such Google
            Cloud project or region.
    """
    base = conf_dirs(path, "base")[0]
    target = base / "vertexai.yml"
    texts = {target: _first_config(path, project_id, region)}
    if docker:
        texts |= docker_files(path, base.parent)
    kept = [] if force else [file for file in texts if file.exists()]
    if docker and path / "Dockerfile" in kept:
        raise ConfigError("Dockerfile exists: remove it, or --force replaces it and vertexai.yml")
    if not docker and kept:
        raise ConfigError(f"{shown(target, path)} exists: --force replaces it")
    write_together({file: text for file, text in texts.items() if file not in kept})
    told = [f"{shown(file, path)} exists and was kept" for file in kept]
    told += [_written(file, target, path) for file in texts if file not in kept]
    if docker:
        told += what_the_image_lacks(path)
    if _ignore(path / ".gitignore"):
        told.append(f"{LOCAL_STATE} added to .gitignore")
    if not list(base.parent.glob("*/mlflow*.y*ml")):
        told.append("No mlflow.yml found: runs will not be tracked. `kedro mlflow init` adds one.")
    return told


def _written(file: Path, config: Path, path: Path) -> str:
    what = "Configuration" if file == config else "Image description"
    return f"{what} written to {shown(file, path)}"


def _first_config(path: Path, project_id: str, region: str) -> str:
    if not _PROJECT_ID.fullmatch(project_id):
        raise ConfigError(f"{project_id!r} is no Google Cloud project id, such as my-project-123")
    if not _REGION.fullmatch(region):
        raise ConfigError(f"{region!r} is no Google Cloud region, such as europe-west1")
    # A name that images and buckets may have.
    project = re.sub(r"[^a-z0-9]+", "-", path.name.lower()).strip("-") or "project"
    repository = project_id.replace(":", "/")
    return Template((templates_dir() / "vertexai.yml").read_text(encoding="utf-8")).substitute(
        project_id=project_id,
        region=region,
        project=project,
        image=f"{region}-docker.pkg.dev/{repository}/kedro/{project}:latest",
    )


def _ignore(gitignore: Path) -> bool:
    """Add a line for what local runs leave, unless one speaks of it already."""
    text = gitignore.read_text(encoding="utf-8") if gitignore.exists() else ""
    if any(line.strip().strip("!/") == LOCAL_STATE.strip("/") for line in text.splitlines()):
        return False
    separator = "" if not text or text.endswith("\n") else "\n"
    write_whole(gitignore, f"{text}{separator}{LOCAL_STATE}\n")
    return True
