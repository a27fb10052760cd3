"""Small pipelines for bad days, without MLflow: images of one kind, so built in seconds."""

from __future__ import annotations

from pathlib import Path

from project import Project
from project_factory import write_project
from user import User

from kedro_vertexai.init_docker import docker_files


def write_small(path: Path, user: User, image: str, nodes: str, **run_config: object) -> Project:
    """Write a project with one pipeline and the Dockerfile that `init --with-docker` writes.

    Args:
        path: directory to make.
        user: its owner.
        image: name of the image to build.
        nodes: Python, as `project_factory` has it.
        run_config: of `vertexai.yml`, the image left out.
    """
    write_project(
        path,
        nodes=nodes,
        parameters={"start": 1},
        run_config={"image": image, **run_config},
        files={"requirements.txt": "kedro-vertexai\n"},
    ).forget()
    for file, text in docker_files(path, path / "conf").items():
        file.write_text(text, encoding="utf-8")
    return Project(path, user)
