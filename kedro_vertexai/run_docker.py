"""`kedro vertexai run-once --target docker`: the compiled spec in containers on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from kedro_vertexai.compiler import Compiled
from kedro_vertexai.config import RunConfig
from kedro_vertexai.errors import RunError
from kedro_vertexai.image.progress import make_reporter
from kedro_vertexai.run_here import run_here
from kedro_vertexai.targets.docker.options import MOST_AT_ONCE, DockerOptions, Pulling
from kedro_vertexai.targets.local import ROOT, LocalOptions
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.images import google_login
from kedro_vertexai.targets.vertex.registry_credentials import Basic
from kedro_vertexai.tracking.config import STORE_VARIABLE, is_local, is_relative

_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
# What a container gets of the user's environment without being asked: how to reach MLflow, and
# as whom; which project Google's clients speak of.
_PASSED_ON = (
    "GOOGLE_CLOUD_PROJECT",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# The files of an MLflow store without a server: `tracking.config`.
_STORE_FILES, _STORE_DIRECTORY = ("mlflow.db", "mlflow.lock"), "mlartifacts"


def run_docker(
    compiled: Compiled, *, max_workers: int | None, may_pull: Callable[[str], bool]
) -> int:
    """Run the plan, print what came of it, and return the exit code: 0 only for success.

    Args:
        compiled: the plan.
        max_workers: tasks at once; None: as many as their limits leave room for.
        may_pull: asked whether an image that is not here may be pulled.

    Raises:
        RunError: the run cannot start; nothing has run.
    """
    if sys.platform == "win32":
        raise RunError("--target docker needs Linux or macOS: on Windows, run it in WSL")
    from kedro_vertexai.targets.docker import DockerEngine

    config = compiled.config.run_config
    has_store = _has_own_store(compiled)
    root = compiled.project.path.resolve() / ROOT
    env = _environment(config, os.environ)
    options = DockerOptions(
        network=config.docker.network,
        user=config.docker.user,
        env={**env, STORE_VARIABLE: str(root)} if has_store else env,
        credentials=_credentials(os.environ),
        store=root if has_store else None,
        store_contents=_store_contents(root) if has_store else (),
        inputs=root / "inputs",
        pulling=Pulling(
            may_pull, partial(_login, _clients(compiled)), lambda: make_reporter(sys.stdout)
        ),
    )
    return run_here(
        compiled,
        LocalOptions(
            max_workers=MOST_AT_ONCE if max_workers is None else max_workers,
            failure_policy=config.failure_policy,
            engine=DockerEngine(options),
        ),
    )


def _login(clients: GoogleClients, image: str) -> Basic | None:
    """Who asks for an image; somebody unknown, where a registry may be open to all."""
    try:
        return google_login(clients, image)
    except RunError:
        return None


def _clients(compiled: Compiled) -> GoogleClients:
    config = compiled.config
    return GoogleClients(Location(config.project_id, config.region))


def _has_own_store(compiled: Compiled) -> bool:
    """Whether the runs are recorded beside the job, since no server is named.

    Raises:
        RunError: they are recorded where no container gets.
    """
    if not compiled.plan.tracked:
        return False
    project = compiled.project
    said = project.mlflow.tracking_uri if project.mlflow else ""
    uri = said or os.environ.get("MLFLOW_TRACKING_URI", "")
    if is_relative(uri):
        return True
    if is_local(uri):
        raise RunError(
            f"MLflow records runs at {uri}, where no container gets: name a server, or a path "
            "that is relative to the project"
        )
    network = compiled.config.run_config.docker.network or ""
    host = urlsplit(uri).hostname
    if host in _LOOPBACK and network != "host" and not network.startswith("container:"):
        raise RunError(
            f"MLflow records runs at {uri}, and in a container {host} is the container itself: "
            "write host.docker.internal instead, or set run_config.docker.network: host"
        )
    return False


def _environment(config: RunConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """What the containers get of the user's environment.

    Raises:
        RunError: the configuration names a variable that is not there.
    """
    authentication = config.authentication
    # What is not here is looked for among the secrets.
    wanted = [*_PASSED_ON, *(authentication.params if authentication.type == "Vars" else ())]
    if missing := [name for name in config.docker.env if name not in environ]:
        raise RunError(f"run_config.docker.env: {', '.join(missing)}: not in your environment")
    return {name: environ[name] for name in (*wanted, *config.docker.env) if name in environ}


def _credentials(environ: Mapping[str, str]) -> Path | None:
    """The file of the user's Google credentials, which each container gets a copy of.

    Raises:
        RunError: it is not there.
    """
    if not environ.get(_CREDENTIALS):
        return None
    file = Path(environ[_CREDENTIALS]).absolute()
    if not file.is_file():
        raise RunError(f"{_CREDENTIALS} names {file}, and there is no such file")
    return file


def _store_contents(root: Path) -> tuple[Path, ...]:
    """What tasks write to in the store; made, so that it is this user's."""
    root.mkdir(exist_ok=True)
    files = [root / name for name in _STORE_FILES]
    for file in files:
        file.touch()
    (root / _STORE_DIRECTORY).mkdir(exist_ok=True)
    return (*files, root / _STORE_DIRECTORY)
