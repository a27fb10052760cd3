"""Whether an image fits the project that is compiled for it: it is run once, and asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.image.fit import HOLDS_NONE, differences
from kedro_vertexai.project_config import config_loader, mlflow_server

if TYPE_CHECKING:
    from docker import APIClient

_COMMAND = ("python", "-m", "kedro_vertexai.runtime.check_image")
_TIMEOUT = 300  # seconds; a project that imports MLflow and more takes some ten
_LONGEST = 300  # characters of what the image says instead of an answer


@dataclass(frozen=True)
class _Answer:
    """What the image printed, and how it ended."""

    code: int
    stdout: str
    stderr: str


def check_image(client: APIClient, image: str, path: Path, env: str) -> list[str]:
    """Return what keeps the project's tasks from running in an image; empty if nothing does.

    A container is started once, without network, and removed.

    Args:
        client: of an engine that has the image.
        image: its name.
        path: the project's root; the project is loaded.
        env: the Kedro environment.

    Raises:
        RunError: there is no such image, or nothing can be run in it.
        docker.errors.DockerException: of the engine, for any other reason.
    """
    is_tracked = mlflow_server(config_loader(path, env, {}), "__default__") is not None
    answer = _ask(client, image, env)
    try:
        found = json.loads(answer.stdout.strip().rpartition("\n")[2])
    except ValueError:
        return [_no_answer(answer)]
    return _findings(found, is_tracked=is_tracked)


def _ask(client: APIClient, image: str, env: str) -> _Answer:
    from docker.errors import APIError, ImageNotFound
    from docker.types import LogConfig
    from requests.exceptions import ConnectionError as LostConnectionError
    from requests.exceptions import ReadTimeout

    try:
        container = client.create_container(
            image,
            entrypoint=list(_COMMAND),
            command=[env],
            host_config=client.create_host_config(
                network_mode="none",
                # Whatever the engine does with output otherwise, it can be asked for this.
                log_config=LogConfig(type=LogConfig.types.JSON),
            ),
        )["Id"]
    except ImageNotFound as error:
        raise RunError(f"no image {image} in the engine: build or pull it first") from error
    try:
        client.start(container)
        code = client.wait(container, timeout=_TIMEOUT)["StatusCode"]
        out, err = (
            client.logs(container, stdout=stream == "out", stderr=stream == "err")
            for stream in ("out", "err")
        )
    except APIError as error:
        # The engine says so of a command that is not there: Docker has no other word for it.
        if "executable file not found" in str(error.explanation):
            raise RunError(f"{image} has no python on its PATH") from error
        raise
    except (ReadTimeout, LostConnectionError) as error:
        # urllib3 tells a slow answer as a lost connection.
        if "timed out" not in str(error):
            raise
        raise RunError(f"{image} did not say what it holds within {_TIMEOUT} s") from error
    finally:
        client.remove_container(container, force=True, v=True)
    return _Answer(code, out.decode(errors="replace"), err.decode(errors="replace"))


def _no_answer(answer: _Answer) -> str:
    last = (answer.stderr.strip().rpartition("\n")[2] or f"exit code {answer.code}")[-_LONGEST:]
    if "No module named kedro_vertexai" in last or "No module named 'kedro_vertexai" in last:
        return HOLDS_NONE
    return f"the image cannot be asked what it holds: {last}"


def _findings(found: dict[str, Any], *, is_tracked: bool) -> list[str]:
    findings = differences(found["kedro_vertexai"], found["python"])
    if is_tracked and not found["kedro_mlflow"]:
        findings.append(
            "the project is tracked by MLflow and the image has no kedro-mlflow: "
            "name it in requirements.txt and build anew"
        )
    if found["error"]:
        what = f"the project ({found['project']})" if found["project"] else "the project"
        findings.append(f"{what} cannot be used in the image: {found['error']}")
    findings += [
        f"the image's user ({found['user']}) may not write to {place}, as tasks do"
        for place in found["unwritable"]
    ]
    return findings
