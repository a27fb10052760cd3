"""The Docker engine: reaching it, and its errors in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError, TaskError

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

    address = _address()
    try:
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env()
        else:
            client = docker.DockerClient(base_url=address)
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
    if "no space left on device" in lower:
        return "the disk of the Docker engine is full: `docker system prune` makes room"
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


def _address() -> str:
    """Where `docker` would look: DOCKER_HOST, the current context, the usual socket."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    if host := os.environ.get("DOCKER_HOST"):
        return host
    try:
        context = ContextAPI.get_current_context()
    except (DockerException, OSError, ValueError):
        return _SOCKET
    host = context.Host if context is not None else None
    return str(host).replace("http+unix://", "unix://") if host else _SOCKET


def _unreachable(address: str, error: Exception) -> str:
    text = str(error)
    if "Permission denied" in text or "EACCES" in text:
        return (
            f"you may not use the Docker engine at {address}: add your user to its group "
            "(`sudo usermod -aG docker $USER`, then log in again)"
        )
    return (
        f"no Docker engine answers at {address}: start it, or let DOCKER_HOST say where it is; "
        "`--target local` needs none"
    )
