"""`kedro vertexai init`: a first `vertexai.yml` that is valid as written."""

from __future__ import annotations

from pathlib import Path
from string import Template

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.files import write_whole
from kedro_vertexai.templates import templates_dir

LOCAL_STATE = ".vertexai/"


def init_project(path: Path, project_id: str, region: str, *, force: bool) -> list[str]:
    """Write `conf/base/vertexai.yml` and keep local runs out of git; return what to tell.

    Args:
        path: the Kedro project's root.
        project_id: Google Cloud project.
        region: Google Cloud region.
        force: replace an existing file.

    Raises:
        ConfigError: the file exists, and `force` is not given.
    """
    target = path / "conf" / "base" / "vertexai.yml"
    if target.exists() and not force:
        raise ConfigError(f"{target.relative_to(path)} exists: --force replaces it")
    text = Template((templates_dir() / "vertexai.yml").read_text(encoding="utf-8")).substitute(
        project_id=project_id,
        region=region,
        project=path.name,
        image=f"{region}-docker.pkg.dev/{project_id}/kedro/{path.name.lower()}:latest",
    )
    write_whole(target, text)
    told = [f"Configuration written to {target.relative_to(path)}"]
    if _ignore(path / ".gitignore"):
        told.append(f"{LOCAL_STATE} added to .gitignore")
    if not list((path / "conf").glob("*/mlflow*.y*ml")):
        told.append("No mlflow.yml found: runs will not be tracked. `kedro mlflow init` adds one.")
    return told


def _ignore(gitignore: Path) -> bool:
    text = gitignore.read_text(encoding="utf-8") if gitignore.exists() else ""
    if LOCAL_STATE in text.split() or LOCAL_STATE.rstrip("/") in text.split():
        return False
    separator = "" if not text or text.endswith("\n") else "\n"
    write_whole(gitignore, f"{text}{separator}{LOCAL_STATE}\n")
    return True
