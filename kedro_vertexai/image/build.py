"""The project's Dockerfile as an image of the engine."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.errors import ProjectError, RunError
from kedro_vertexai.image.engine import (
    ELSEWHERE,
    PLATFORM,
    disk_full,
    engine_errors,
    is_alive,
    stopped,
)

if TYPE_CHECKING:
    from docker import APIClient

DOCKERFILE = "Dockerfile"
# https://docs.docker.com/reference/dockerfile/#arg
# One that is put together from others is left to Docker, which alone knows those.
_BASE_IMAGE = re.compile(r"^\s*ARG\s+BASE_IMAGE=([^\s$]+)(?=\s|$)", re.MULTILINE | re.IGNORECASE)
_TAIL = 5  # lines of output that an error repeats
_GRACE = 10.0  # seconds for an interrupted build to end by itself


def check_dockerfile(project_path: Path) -> None:
    """Refuse a project that says nothing of its image.

    Raises:
        ProjectError: it has no Dockerfile.
    """
    if not (project_path / DOCKERFILE).is_file():
        raise ProjectError(
            f"no {DOCKERFILE} in {project_path}: "
            "`kedro vertexai init PROJECT_ID REGION --with-docker` writes one"
        )


def build(client: APIClient, project_path: Path, image: str, say: Callable[[str], None]) -> None:
    """Build the image; its output is said line by line.

    Args:
        client: of the engine that the command uses too.
        project_path: the project, with a Dockerfile.
        image: name and tag of the image.
        say: hears each line.

    Raises:
        RunError: it cannot be built, or was built for another platform.
    """
    command = build_command(image, (project_path / DOCKERFILE) if _has_kedro_docker() else None)
    tail: deque[str] = deque(maxlen=_TAIL)

    def hear(line: str) -> None:
        say(line)
        if line.strip():
            tail.append(line.strip())

    code = _run(command, project_path, hear)
    if code:
        raise _failure(client, command, code, list(tail))
    check_platform(client, image)


def build_command(image: str, dockerfile: Path | None = None) -> list[str]:
    """The command that builds in the current directory.

    The `docker` command and not the engine's own interface: only the command knows BuildKit,
    for which Dockerfiles are written today.

    Args:
        image: name and tag of the image.
        dockerfile: for kedro-docker, which gives it build arguments of its own.

    Raises:
        ProjectError: the Dockerfile cannot be read.
    """
    if dockerfile is None:
        return ["docker", "build", "--platform", PLATFORM, "--tag", image, "."]
    # kedro-docker splits its --docker-args as a shell would; these are ours, not the user's.
    arguments = ["--image", image, "--docker-args", f"--platform {PLATFORM}"]
    if base_image := _base_image(dockerfile):
        # Without a word it builds from `python:X-slim`, whatever the Dockerfile says.
        arguments += ["--base-image", base_image]
    return [sys.executable, "-m", "kedro", "docker", "build", *arguments]


def _base_image(dockerfile: Path) -> str:
    """What the Dockerfile starts from unless it is told otherwise; empty if it does not say."""
    try:
        found = _BASE_IMAGE.search(dockerfile.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"cannot read {dockerfile}: {error}") from error
    return found[1].strip("\"'") if found else ""


def check_platform(client: APIClient, image: str) -> None:
    """Refuse an image that Vertex AI's machines cannot run.

    Raises:
        RunError: it is of another platform, or there is no such image.
    """
    with engine_errors():
        found = client.inspect_image(image)  # type: ignore[no-untyped-call]
    platform = f"{found.get('Os')}/{found.get('Architecture')}"
    if platform != PLATFORM:
        raise RunError(
            f"image {image} is of {platform}, and Vertex AI runs {PLATFORM}: look for "
            f"--platform in the {DOCKERFILE}, and build from a base image of {PLATFORM}"
        )


def _has_kedro_docker() -> bool:
    return importlib.util.find_spec("kedro_docker") is not None


def _run(command: list[str], directory: Path, hear: Callable[[str], None]) -> int:
    """Run a command, and end it with us.

    Raises:
        RunError: there is no such command.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise RunError(f"no command {command[0]}: install Docker's client; {ELSEWHERE}") from error
    with process:
        try:
            for line in process.stdout or ():
                hear(line.rstrip("\n"))
            return process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _failure(client: APIClient, command: list[str], code: int, tail: list[str]) -> RunError:
    words = "\n".join(tail)
    if full := disk_full(words):
        return RunError(full)
    if not is_alive(client):
        return stopped()
    shown = [command[0].rpartition("/")[2], *command[1:]]
    last = f": {tail[-1]}" if tail else ""
    return RunError(f"`{shlex.join(shown)}` ended with exit code {code}{last}")
