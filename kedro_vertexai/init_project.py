"""`kedro vertexai init`: a first `vertexai.yml` that is valid as written."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.files import write_whole
from kedro_vertexai.project_config import conf_dirs, shown
from kedro_vertexai.targets.local.layout import ROOT
from kedro_vertexai.templates import templates_dir

LOCAL_STATE = f"{ROOT}/"

# https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin
# The shortest are older than that rule; what stands before a colon is an organisation's domain.
_PROJECT_ID = re.compile(r"([a-z0-9][a-z0-9.-]*:)?[a-z0-9][a-z0-9-]*")
# https://cloud.google.com/vertex-ai/docs/general/locations
_REGION = re.compile(r"[a-z][a-z0-9-]*")


def init_project(path: Path, project_id: str, region: str, *, force: bool) -> list[str]:
    """Write `vertexai.yml` into the base environment and keep local runs out of git.

    Args:
        path: the Kedro project's root.
        project_id: Google Cloud project.
        region: Google Cloud region.
        force: replace an existing file.

    Returns:
        What to tell the user.

    Raises:
        ConfigError: the file exists and `force` is not given, or there can be no such Google
            Cloud project or region.
    """
    base = conf_dirs(path, "base")[0]
    target = base / "vertexai.yml"
    if target.exists() and not force:
        raise ConfigError(f"{shown(target, path)} exists: --force replaces it")
    write_whole(target, _first_config(path, project_id, region))
    told = [f"Configuration written to {shown(target, path)}"]
    if _ignore(path / ".gitignore"):
        told.append(f"{LOCAL_STATE} added to .gitignore")
    if not list(base.parent.glob("*/mlflow*.y*ml")):
        told.append("No mlflow.yml found: runs will not be tracked. `kedro mlflow init` adds one.")
    return told


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
