"""The Docker target: the local engine with one container for each attempt of a task."""

from kedro_vertexai.targets.docker.engine import DockerEngine
from kedro_vertexai.targets.docker.options import DockerOptions, Pulling

__all__ = ["DockerEngine", "DockerOptions", "Pulling"]
