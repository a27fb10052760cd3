"""The containers of one job."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.docker.client import told
from kedro_vertexai.targets.docker.container import ContainerProcess
from kedro_vertexai.targets.docker.leftovers import JOB, PROJECT, TASK
from kedro_vertexai.targets.docker.machine import Machine
from kedro_vertexai.targets.docker.mounts import mounts
from kedro_vertexai.targets.docker.options import DockerOptions
from kedro_vertexai.targets.docker.ownership import group_to_lend, let_group_write
from kedro_vertexai.targets.local.engine import Work
from kedro_vertexai.targets.local.layout import JobLayout
from kedro_vertexai.targets.local.limits import Limits

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

CREDENTIALS = "/run/secrets/google-credentials.json"
"""Where a container finds the user's Google credentials."""

_HOST = "host.docker.internal"


@dataclass(frozen=True)
class Containers:
    """What the containers of one job have in common; a `Workplace`."""

    client: DockerClient
    machine: Machine
    layout: JobLayout
    images: dict[str, str]
    """Ids by name."""
    options: DockerOptions

    def start(self, work: Work) -> ContainerProcess:
        """Make and start a container in which nothing is mounted but the places of the job."""
        for directory in (work.paths.artifacts, work.paths.artifacts / ".parameters"):
            let_group_write(directory)
        work.paths.log.touch()
        with told("no container can be made"):
            container = self.client.containers.create(
                **self._command(work),
                **self._surroundings(work),
                **_limits(work.executor.limits, self.machine),
            )
        if self.options.credentials is not None:
            _put_credentials(container, self.options.credentials)
        return ContainerProcess(container, work)

    def succeeded(self, task: str, number: int) -> None:
        """Nothing is kept of a container."""

    def close(self) -> None:
        """Kill and remove what is left of the job."""
        label = f"{JOB}={self.layout.path.name}"
        mine = f"{PROJECT}={self.layout.project_path}"
        with suppress(TaskError), told("containers cannot be removed"):
            for container in self.client.containers.list(
                all=True, filters={"label": [label, mine]}, ignore_removed=True
            ):
                with suppress(TaskError), told("a container cannot be removed"):
                    container.remove(force=True, v=True)

    def _command(self, work: Work) -> dict[str, Any]:
        from docker.types import LogConfig

        return {
            "image": self.images[work.executor.image],
            # The spec's command stands for the image's own.
            "entrypoint": [work.argv[0]],
            "command": list(work.argv[1:]),
            # As process 1, Python would ignore SIGTERM, and nobody would reap what it leaves.
            "init": True,
            "labels": {
                PROJECT: str(self.layout.project_path),
                JOB: self.layout.path.name,
                TASK: work.task.name,
            },
            "log_config": LogConfig(type="none"),
        }

    def _surroundings(self, work: Work) -> dict[str, Any]:
        network = self.options.network
        env = {
            **work.executor.env,
            "PYTHONUNBUFFERED": "1",
            "KEDRO_VERTEXAI_TARGET": "docker",
            **self.options.env,
            "KEDRO_VERTEXAI_LOG": str(work.paths.log),
        }
        if self.options.credentials is not None:
            env["GOOGLE_APPLICATION_CREDENTIALS"] = CREDENTIALS
        return {
            "environment": env,
            "mounts": mounts(self.layout, work.paths, self.options),
            "network": network,
            "extra_hosts": _hosts(network),
            "user": self.options.user,
            "group_add": [group_to_lend(self.machine)],
        }


def _limits(limits: Limits, machine: Machine) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if limits.cpu:
        # More than there are is refused by the engine.
        said["nano_cpus"] = round(machine.cpus_of(limits) * 1e9)
    if limits.memory:
        # With swap on top the limit would be a soft one.
        said |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.accelerators and machine.has_gpus:
        from docker.types import DeviceRequest

        request = DeviceRequest(count=limits.accelerators, capabilities=[["gpu"]])
        said["device_requests"] = [request]
    return said


def _hosts(network: str | None) -> dict[str, str]:
    """The machine by a name that is the same in every network of its engine."""
    if network == "host":
        return {_HOST: "127.0.0.1"}
    return {} if network == "none" else {_HOST: "host-gateway"}


def _put_credentials(container: Container, file: Path) -> None:
    """Copy a credentials file into a container, where any user of it can read it.

    Mounted, it would be readable only to a user of the same number.

    Raises:
        TaskError: it cannot be read or copied; the container is removed.
    """
    try:
        with told("the Google credentials cannot be given to the container"):
            container.put_archive("/", _archive(CREDENTIALS.lstrip("/"), file.read_bytes()))
    except (TaskError, OSError) as error:
        with suppress(TaskError), told("the container cannot be removed"):
            container.remove(force=True, v=True)
        if isinstance(error, TaskError):
            raise
        raise TaskError(f"GOOGLE_APPLICATION_CREDENTIALS: {file}: {error.strerror}") from error


def _archive(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o444
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
