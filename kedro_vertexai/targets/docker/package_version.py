"""Which version of this package an image holds, before any task is started in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.fit import HOLDS_NONE, differences
from kedro_vertexai.targets.docker.client import explanation
from kedro_vertexai.targets.local.graph import ContainerExecutor, Graph
from kedro_vertexai.targets.local.launcher import RUNTIME

if TYPE_CHECKING:
    from docker import DockerClient

_LONGEST = 300  # characters of what Python says
# Imports nothing of ours, so that every version answers, and at once.
_PROGRAM = """
import sys
from importlib.metadata import PackageNotFoundError, version
try:
    print("kedro-vertexai", "%d.%d" % sys.version_info[:2], version("kedro-vertexai"))
except PackageNotFoundError:
    print("kedro-vertexai", "%d.%d" % sys.version_info[:2])
"""


def images_with_us(graph: Graph) -> set[str]:
    """The images in which the spec starts this package."""
    executors = (task.executor for task in graph.tasks.values())
    return {
        executor.image
        for executor in executors
        if isinstance(executor, ContainerExecutor) and RUNTIME in executor.argv
    }


def how_it_differs(client: DockerClient, image: str, name: str) -> list[str]:
    """Ask an image, in a container that is gone afterwards.

    Args:
        client: of the engine.
        image: its id.
        name: its name, for messages.

    Returns:
        What of it differs from this environment. Tasks may run nevertheless.

    Raises:
        RunError: no task can run in it.
    """
    from docker.errors import APIError
    from docker.types import LogConfig
    from requests import RequestException

    try:
        container = client.containers.create(
            image,
            entrypoint=["python"],
            command=["-c", _PROGRAM],
            network_mode="none",
            # Whatever the engine does with output otherwise, it can be asked for this.
            log_config=LogConfig(type=LogConfig.types.JSON),
        )
        try:
            container.start()
            code = container.wait()["StatusCode"]
            output = container.logs(stderr=False).decode(errors="replace")
            said = container.logs(stdout=False).decode(errors="replace")
        finally:
            container.remove(force=True, v=True)
    except APIError as error:
        raise RunError(f"image {name} cannot run 'python': {explanation(error)}") from error
    except RequestException as error:
        raise RunError(f"image {name}: the Docker engine does not answer") from error
    if code:
        reason = " ".join(said.split())[-_LONGEST:] or f"exit code {code}"
        raise RunError(f"image {name} cannot run 'python': {reason}")
    python, version = _read(output, name)
    if version is None:
        raise RunError(f"image {name}: {HOLDS_NONE}")
    return [f"image {name}: {line}" for line in differences(version, python)]


def _read(output: str, name: str) -> tuple[str, str | None]:
    """Python's version and ours, None if it is not there."""
    words = output.strip().rpartition("\n")[2].split()
    if words[:1] != ["kedro-vertexai"] or len(words) not in (2, 3):
        raise RunError(f"image {name} does not say what it holds: {output.strip()[-200:]}")
    return words[1], words[2] if len(words) == 3 else None
