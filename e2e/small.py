"""Small pipelines for bad days: the starter's image with other code, so built in seconds."""

from __future__ import annotations

from pathlib import Path

from project import Project
from project_factory import write_project
from user import User

_DOCKERFILE = """
ARG BASE_IMAGE
FROM {image}
WORKDIR /home/kedro_docker/small
COPY . .
"""


def write_small(
    path: Path, user: User, image: str, name: str, nodes: str, **run_config: object
) -> Project:
    """Write a project with one pipeline and no MLflow.

    Args:
        path: directory to make.
        user: its owner.
        image: to build from: the packages that a task needs are in it.
        name: of the image to build.
        nodes: Python, as `project_factory` has it.
        run_config: of `vertexai.yml`, the image left out.
    """
    write_project(
        path,
        nodes=nodes,
        parameters={"start": 1},
        run_config={"image": name, **run_config},
        files={
            "Dockerfile": _DOCKERFILE.format(image=image),
            ".dockerignore": ".vertexai\n.git\n",
        },
    ).forget()
    return Project(path, user)
