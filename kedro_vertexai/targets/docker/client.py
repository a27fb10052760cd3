"""The Docker engine: reaching it, and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kedro_vertexai.engine_address import engine_options
from kedro_vertexai.errors import RunError, TaskError
from kedro_vertexai.image.engine import TIMEOUT, disk_full

if TYPE_CHECKING:
    from docker import DockerClient

_SOCKET = "unix:///var/run/docker.sock"


def connect() -> DockerClient:
    """Return a client of the engine that the user's `docker` command would ask.

    Raises:
        RunError: there is no engine, or it does not let this user in.
    """
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    address = _SOCKET
    try:
        options = engine_options()
        address = options.get("base_url", address)
        client = docker.DockerClient(**options, timeout=TIMEOUT)
        client.ping()
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise RunError(_unreachable(address, error)) from error
    return client


@contextmanager
def told(what: str) -> Iterator[None]:
    """Tell what goes wrong between us and the engine as a task's error.

    Args:
        what: what cannot be done.

    Raises:
        TaskError: it could not be done.
    """
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise TaskError(f"{what}: {explanation(error)}") from error
    # Of requests first: a connection that breaks in a stream comes as urllib3 has it.
    except (RequestException, HTTPError, ConnectionError) as error:
        raise TaskError(f"{what}: the Docker engine has stopped, or does not answer") from error
    except DockerException as error:
        raise TaskError(f"{what}: {error}") from error


def explanation(error: Exception) -> str:
    """What the engine says went wrong, and what to do where that is known."""
    said = " ".join(str(getattr(error, "explanation", None) or error).split())
    lower = said.lower()
    if full := disk_full(said):
        return full
    if "bind source path does not exist" in lower:
        return (
            "the Docker engine does not see this project's directory: it must run on this "
            "machine, and with Docker Desktop the directory must be one of its shared ones"
        )
    if "docker-init" in lower:
        return "the Docker engine has no docker-init: install it (on Debian, the package tini)"
    if "network" in lower and "not found" in lower:
        return f"{said}: run_config.docker.network must be one of `docker network ls`"
    if "executable file not found" in lower:
        return f"the image has no such program on its PATH ({said})"
    return said


def _unreachable(address: str, error: Exception) -> str:
    from docker.errors import ContextException, ContextNotFound

    text = str(error)
    if isinstance(error, ContextException | ContextNotFound):
        return f"docker: {text}: `docker context ls` lists those there are"
    if "Permission denied" in text or "EACCES" in text:
        return (
            f"you may not use the Docker engine at {address}: add your user to its group "
            "(`sudo usermod -aG docker $USER`, then log in again)"
        )
    return (
        f"no Docker engine answers at {address}: start it, or let DOCKER_HOST say where it is; "
        "`--target local` needs none"
    )
