"""The user's Docker engine, and in one line what keeps it from doing what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from kedro_vertexai.engine_address import engine_options
from kedro_vertexai.errors import RunError

if TYPE_CHECKING:
    from docker import APIClient

TIMEOUT = 600  # seconds without a word from the engine
# Vertex AI's machines; a laptop may have another architecture.
PLATFORM = "linux/amd64"
ELSEWHERE = "`kedro vertexai build --builder cloud-build` needs none"
_DISK_FULL = "no space left on device"


def connect() -> APIClient:
    """A client of the engine that the `docker` command would use.

    Raises:
        RunError: there is none, or it may not be asked.
    """
    import docker

    with engine_errors():
        return docker.APIClient(**engine_options(), version="auto", timeout=TIMEOUT)


@contextmanager
def engine_errors() -> Iterator[None]:
    """One line for whatever the engine answers instead of doing what it is asked.

    Raises:
        RunError: in place of the client's error.
    """
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        raise RunError(_answer(str(error.explanation or error))) from error
    except (DockerException, RequestException, HTTPError) as error:
        raise RunError(_unreachable(error)) from error


def disk_full(words: str) -> str:
    """What to say of an engine that has no room left; empty if that is not what it says."""
    if _DISK_FULL not in words.lower():
        return ""
    return "the Docker engine's disk is full: `docker system prune` removes what nothing uses"


def is_alive(client: APIClient) -> bool:
    """Whether the engine answers."""
    from docker.errors import DockerException
    from requests import RequestException

    alive = False
    with suppress(DockerException, RequestException):
        alive = bool(client.ping())
    return alive


def stopped() -> RunError:
    """What to raise when the engine no longer answers in the middle of something."""
    return RunError(
        "the Docker engine stopped before it was done: see that it runs (`docker version`), "
        "and try again"
    )


def _answer(words: str) -> str:
    return disk_full(words) or f"the Docker engine answers: {' '.join(words.split())}"


def _unreachable(error: BaseException) -> str:
    from docker.errors import DockerException

    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return (
            "your user may not use the Docker engine: add it to its group "
            '(`sudo usermod -aG docker "$USER"`, then log in again)'
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return f"no Docker engine is running here: start or install one; {ELSEWHERE}"
    if str(error).startswith("Error while fetching server API version"):
        return f"the Docker engine cannot be reached ({_short(causes[-1])}); {ELSEWHERE}"
    if isinstance(error, DockerException):
        # Not the engine's but the client's own, such as a credential helper that is not there.
        return f"docker: {_short(error)}"
    return str(stopped())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was raised for: clients wrap one in the other's arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        related = [current.__cause__, current.__context__, *current.args]
        waiting += [one for one in related if isinstance(one, BaseException)]


def _short(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
