"""Docker engines of the tests' own: none shares anything with the machine's or another's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network import Network
from processes import running

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Engine:
    """A running dockerd."""

    socket: Path
    process: subprocess.Popen[bytes]
    data: Path
    """Where it keeps images and containers."""

    @property
    def host(self) -> str:
        """As DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    @property
    def environment(self) -> Mapping[str, str]:
        """With which a command of the user's finds it."""
        # The engine's own builder: BuildKit needs a plugin of the command line.
        return {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}

    def docker(self, *words: str) -> str:
        """Run Docker's command line, and return what it printed."""
        env = {**os.environ, **self.environment}
        argv = ["docker", *words]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self) -> Any:
        """The Python SDK's; the caller closes it."""
        import docker

        return docker.DockerClient(base_url=self.host, timeout=60)

    def containers(self) -> list[str]:
        """Names of all containers there are, running or not."""
        return self.docker("ps", "--all", "--format", "{{.Names}}").split()

    def is_up(self) -> bool:
        """Whether it answers."""
        import docker

        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


@dataclass(frozen=True)
class EngineOptions:
    """How an engine differs from others.

    Args:
        part: of the network's addresses, which it gives to its containers.
        data: its disk; a directory beside its socket without.
        flags: more options of dockerd.
    """

    part: int = 0
    data: Path | None = None
    flags: tuple[str, ...] = field(default=())


@contextmanager
def running_engine(
    directory: Path, network: Network, options: EngineOptions | None = None
) -> Iterator[Engine]:
    """An engine whose containers are in a network; nothing of it stays.

    Raises:
        NotStartedError: it cannot run here; the message has the end of its log.
    """
    options = options or EngineOptions()
    directory.mkdir(parents=True, exist_ok=True)
    data = options.data or directory / "data"
    socket = directory / "docker.sock"
    argv = [
        "dockerd",
        f"--host=unix://{socket}",
        f"--data-root={data}",
        f"--exec-root={directory / 'exec'}",
        f"--pidfile={directory / 'dockerd.pid'}",
        f"--config-file={directory / 'none.json'}",
        f"--bridge={network.bridge}",
        f"--fixed-cidr={network.part(options.part)}",
        # Rules of several engines on one machine would overwrite each other's.
        "--iptables=false",
        "--ip6tables=false",
        "--ip-masq=false",
        *options.flags,
    ]
    (directory / "none.json").write_text("{}", encoding="utf-8")
    log = directory / "dockerd.log"
    try:
        with running(argv, log, lambda: _answers(socket), env=os.environ) as process:
            engine = Engine(socket, process, data)
            try:
                yield engine
            finally:
                _remove_containers(engine)
    finally:
        unmount_below(directory, data)


def _answers(socket: Path) -> bool:
    return socket.exists() and Engine(socket, None, socket).is_up()  # type: ignore[arg-type]


def _remove_containers(engine: Engine) -> None:
    """So that none outlives the engine; the next lines do without it if it is gone."""
    if engine.process.poll() is None and engine.is_up():
        for name in engine.containers():
            with suppress(AssertionError):  # it has gone by itself
                engine.docker("rm", "--force", "--volumes", name)


def unmount_below(*directories: Path) -> None:
    """Let go of what an engine has mounted, also of what a killed one left behind."""
    lines = _MOUNTS.read_text("utf-8").splitlines()
    points = [Path(line.split()[4]) for line in lines]
    for point in sorted(points, reverse=True):
        if any(point != place and point.is_relative_to(place) for place in directories):
            subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)
