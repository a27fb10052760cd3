"""A Docker engine and registries of a test's own, which no other test or user sees."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
import requests
import yaml

PROGRAMS = ("dockerd", "docker", "docker-registry", "busybox")
BASE = "test-base:1"
SECONDS = 60  # for an engine or a registry to start or to end
# The password `secret`, as bcrypt with the fewest rounds.
ACCOUNT = "tester:$2b$04$H.IQjN9pb.l8htUO0km2OOpfr43s5trb518zyBeCpXy7I0HYmJrra"


def why_not() -> str:
    """Why no engine can be started here; empty if one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"no {', '.join(missing)}: scripts/install-docker.sh installs them"
    return "" if os.geteuid() == 0 else "an engine of its own needs root"


@dataclass
class Engine:
    """A running engine; `host` is what DOCKER_HOST says of it."""

    host: str
    process: subprocess.Popen[bytes]

    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.host, version="auto", timeout=SECONDS)

    def kill(self) -> None:
        """End it as a machine does that loses power."""
        self.process.kill()
        self.process.wait(SECONDS)

    def add_base(self) -> None:
        """An image to build from: a shell, and nothing else. None can be pulled."""
        self._docker("import", "-", BASE, given=_root_directory())

    def add_base_of(self, architecture: str, name: str) -> None:
        """The same for machines of another kind, as if it had been pulled for them."""
        self._docker("load", given=_of_architecture(self._docker("save", BASE), architecture, name))

    def _docker(self, *arguments: str, given: bytes = b"") -> bytes:
        return subprocess.run(
            ["docker", *arguments],
            input=given,
            env={**os.environ, "DOCKER_HOST": self.host},
            check=True,
            capture_output=True,
        ).stdout


def use(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the plugin and the docker command find an engine, and no configuration of the user's."""
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def log_in_by_helper(
    host: str, user: str, secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Configure Docker as `gcloud auth configure-docker` does: a program knows the password."""
    helper = tmp_path / "bin" / "docker-credential-gcloud"
    helper.parent.mkdir()
    answer = json.dumps({"ServerURL": "", "Username": user, "Secret": secret})
    helper.write_text(f"#!/bin/sh\ntest \"$1\" = get && echo '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    (tmp_path / "docker").mkdir()
    helpers = json.dumps({"credHelpers": {host: "gcloud"}})
    (tmp_path / "docker" / "config.json").write_text(helpers)


@contextmanager
def running_engine(
    data: Path | None = None, *, hosts: Sequence[str] = (), place: str = ""
) -> Iterator[Engine]:
    """An engine with a store of its own and without a network.

    Args:
        data: its store; a temporary directory without.
        hosts: names of registries that are not on this machine.
        place: the one that it reaches instead, `localhost:PORT`.
    """
    # A socket's path has no more than 107 characters.
    work = Path(tempfile.mkdtemp(prefix="engine-"))
    host = f"unix://{work}/docker.sock"
    log = (work / "log").open("wb")
    command = [
        "dockerd", "--host", host, "--data-root", str(data or work / "data"),
        "--exec-root", str(work / "exec"), "--pidfile", str(work / "pid"),
        "--bridge", "none", "--iptables=false", "--ip-masq=false",
    ]  # fmt: skip
    command += [f"--insecure-registry={host}" for host in hosts]
    # What is asked of a proxy, the registry takes as if it were asked itself.
    proxy = {f"{kind}_PROXY": f"http://{place}" for kind in ("HTTP", "HTTPS") if place}
    process = subprocess.Popen(
        command,
        env={**os.environ, **proxy},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _wait(lambda: _answers(host), process, work / "log")
        yield Engine(host, process)
    finally:
        _end(process)
        _kill_leftovers(work)
        log.close()
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def running_registry(*, login: bool = False, account: str = ACCOUNT) -> Iterator[str]:
    """A registry on this machine, `localhost:PORT`; with a login for an account alone."""
    work = Path(tempfile.mkdtemp(prefix="registry-"))
    port = free_port()
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(work / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if login:
        (work / "htpasswd").write_text(account)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(work / "htpasswd")}}
    (work / "config.yml").write_text(yaml.safe_dump(config))
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(work / "config.yml")], stdout=log, stderr=log
        )
    try:
        _wait(lambda: _serves(port), process, work / "log")
        yield f"localhost:{port}"
    finally:
        _end(process)
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes, as `mount` writes it, in memory."""
    directory.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], check=True
    )
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(directory)], check=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _root_directory() -> bytes:
    shell = Path(shutil.which("busybox") or "").read_bytes()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(directory)
        program = tarfile.TarInfo("bin/busybox")
        program.size, program.mode = len(shell), 0o755
        archive.addfile(program, io.BytesIO(shell))
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        archive.addfile(link)
    return stream.getvalue()


def _of_architecture(saved: bytes, architecture: str, name: str) -> bytes:
    """A saved image that says it is of another architecture, under another name."""
    stream = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(saved)) as source,
        tarfile.open(fileobj=stream, mode="w") as target,
    ):
        for member in source:
            file = source.extractfile(member)
            content = file.read() if file else b""
            if member.name == "manifest.json":
                [manifest] = json.loads(content)
                content = json.dumps([{**manifest, "RepoTags": [name]}]).encode()
            elif member.name.endswith(".json") and "/" not in member.name:
                content = json.dumps({**json.loads(content), "architecture": architecture}).encode()
            if member.name != "repositories":
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _answers(host: str) -> bool:
    try:
        return bool(docker.APIClient(base_url=host, version="auto").ping())
    except (docker.errors.DockerException, requests.RequestException):
        return False


def _serves(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=5).status_code in (200, 401)
    except requests.RequestException:
        return False


def _wait(is_up: object, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_up():  # type: ignore[operator]
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)


def _kill_leftovers(work: Path) -> None:
    """An engine that was killed leaves its containerd, and what is theirs."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if f"{work}/".encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in reversed(mounts):
        if place.startswith(f"{work}/"):
            subprocess.run(["umount", "--lazy", place], check=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
