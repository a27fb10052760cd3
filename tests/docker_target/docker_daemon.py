"""Docker engines of the tests' own: with their own data, socket and bridge, gone afterwards."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException
from requests import RequestException

_PROGRAMS = ("dockerd", "containerd", "ip", "mount", "umount")
_NUMBERS = itertools.count()


def why_not() -> str:
    """Why no engine can be started here; empty if one can."""
    if not sys.platform.startswith("linux"):
        return "a Docker engine of our own needs Linux"
    if os.geteuid() != 0:
        return "a Docker engine of our own needs root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in _PROGRAMS if not shutil.which(name, path=path)]
    return f"not installed: {', '.join(missing)} (scripts/install-docker.sh)" if missing else ""


@dataclass
class Engine:
    """A running engine."""

    process: subprocess.Popen[bytes]
    url: str
    gateway: str
    """Address of this machine in the engine's network."""
    client: docker.DockerClient

    def kill(self) -> None:
        """As if its machine had lost it; its containers go on."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_engine(directory: Path, *, size: str = "") -> Iterator[Engine]:
    """Start an engine; whatever it holds is gone at the end.

    Args:
        directory: for all that it keeps.
        size: of a small disk of its own, such as `200m`; empty: as large as the directory's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    data.mkdir()
    if size:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "kvtest", data], check=True)
    number = next(_NUMBERS)
    bridge, network = f"kvt{os.getpid() % 100_000}x{number}", _free_network(number)
    try:
        with _bridge(bridge, f"{network}.1/24"):
            process = _start(directory, bridge)
            try:
                url = f"unix://{directory / 'sock'}"
                yield Engine(process, url, f"{network}.1", _client(url, process, directory))
            finally:
                _stop(process, directory)
    finally:
        for mount in _mounts_below(directory):
            subprocess.run(["umount", "-l", mount], check=True)


def _start(directory: Path, bridge: str) -> subprocess.Popen[bytes]:
    with (directory / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            [
                "dockerd",
                *("--data-root", directory / "data", "--exec-root", directory / "exec"),
                *("--pidfile", directory / "pid", "--host", f"unix://{directory / 'sock'}"),
                *("--bridge", bridge, "--iptables=false", "--ip6tables=false"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"},
        )


def _client(url: str, process: subprocess.Popen[bytes], directory: Path) -> docker.DockerClient:
    for _ in range(600):
        if client := _answering(url):
            return client
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError((directory / "dockerd.log").read_text(errors="replace")[-3000:])


def _answering(url: str) -> docker.DockerClient | None:
    try:
        client = docker.DockerClient(base_url=url)
        client.ping()
    except (DockerException, RequestException):
        return None
    return client


def _stop(process: subprocess.Popen[bytes], directory: Path) -> None:
    """Stop it in order, so that it ends its containers and its containerd."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    # A killed engine leaves containerd and its containers.
    for pid in _processes_of(directory):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _processes_of(directory: Path) -> Iterator[int]:
    """Processes of the engine's containerd, and those that run in its containers."""
    containers = [entry.name for entry in (directory / "data" / "containers").glob("*")]
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            group = (entry / "cgroup").read_text(encoding="utf-8")
            if str(directory / "exec").encode() in command or any(c in group for c in containers):
                yield int(entry.name)


def _mounts_below(directory: Path) -> list[Path]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    places = (Path(line.split()[1]) for line in lines)
    return [place for place in reversed(list(places)) if place.is_relative_to(directory)]


def _free_network(number: int) -> str:
    """The first three numbers of a private network that differs between processes."""
    unique = os.getpid() * 8 + number
    return f"10.{200 + unique // 256 % 50}.{unique % 256}"


@contextmanager
def _bridge(name: str, address: str) -> Iterator[None]:
    # Or it would be a container's, and when that ends the others lose us for half a minute.
    mac = ":".join(f"{number:02x}" for number in (2, *os.urandom(5)))
    subprocess.run(["ip", "link", "add", name, "address", mac, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", name], check=False)
