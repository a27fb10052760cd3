"""The images of a job: whether they are here, and for this machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.layers import PULLED
from kedro_vertexai.image.refusals import refusal
from kedro_vertexai.targets.docker.client import explanation
from kedro_vertexai.targets.docker.machine import Machine
from kedro_vertexai.targets.docker.options import Pulling

if TYPE_CHECKING:
    from docker import DockerClient

# Where Linux lists the programs that it starts through an emulator:
# https://docs.kernel.org/admin-guide/binfmt-misc.html
_EMULATORS = Path("/proc/sys/fs/binfmt_misc")
_EMULATED = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}


def find_image(client: DockerClient, name: str, machine: Machine, pulling: Pulling) -> str:
    """Return the id of an image, so that all tasks run the same one even if its tag moves.

    Args:
        client: of the engine.
        name: with a tag or digest.
        machine: of the engine.
        pulling: what to do if it is not here.

    Raises:
        RunError: it is not here, or for another kind of machine.
    """
    from docker.errors import APIError, ImageNotFound
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    if not name:
        raise RunError("pipeline spec: a container names no image")
    try:
        try:
            image = client.images.get(name)
        except ImageNotFound:
            _pull(client, name, pulling)
            image = client.images.get(name)
    except APIError as error:
        raise RunError(f"image {name}: {explanation(error)}") from error
    # A pull that breaks off comes as urllib3 has it.
    except (RequestException, HTTPError) as error:
        raise RunError(f"image {name}: the Docker engine does not answer") from error
    _check_platform(name, str(image.attrs.get("Architecture", "")), machine)
    return str(image.id)


def _pull(client: DockerClient, name: str, pulling: Pulling) -> None:
    """Fetch an image.

    Not by `client.images.pull`, which reads past an error that comes while layers are fetched.

    Raises:
        RunError: it may not be fetched, or cannot.
    """
    from docker.errors import APIError, DockerException

    if not pulling.may(name):
        raise RunError(
            f"the Docker engine has no image {name}: `kedro vertexai build` makes it, "
            f"`docker pull {name}` fetches it"
        )
    login = pulling.login(name)
    given = login.for_engine if login else None
    try:
        with closing(pulling.reporter()) as reporter:
            for event in client.api.pull(name, stream=True, decode=True, auth_config=given):
                if error := event.get("error"):
                    raise RunError(refusal(str(error), name, "pull"))
                PULLED.tell(event, reporter)
    except APIError as error:
        raise RunError(refusal(str(error.explanation or error), name, "pull")) from error
    except DockerException as error:
        # Not the engine's but the client's own, such as a credential helper that is not there.
        raise RunError(f"image {name} cannot be pulled: {error}") from error


def _check_platform(name: str, architecture: str, machine: Machine) -> None:
    if architecture in ("", machine.architecture) or machine.is_desktop:
        return
    if (_EMULATORS / _EMULATED.get(architecture, "?")).exists():
        return
    raise RunError(
        f"image {name} is for linux/{architecture}, and the Docker engine runs "
        f"linux/{machine.architecture}: build it for that platform "
        f"(`docker build --platform linux/{machine.architecture}`)"
    )
