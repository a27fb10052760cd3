"""A registry of images on this machine, open or with a login."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import free_port, listens, running

USER, PASSWORD = "e2e", "a-password-of-the-tests"
# Of that password: the registry reads bcrypt alone, which Python's own library cannot make.
_HTPASSWD = "$2b$05$abPrZI9r.3DHtnxhyW.nAeM0h5wmiJVDtQQSuQLFHjqYpI6Iv4PXS"


@dataclass(frozen=True)
class Registry:
    """A running docker-registry. Docker speaks to 127.0.0.1 without TLS."""

    host: str
    log: Path
    data: Path

    def size(self) -> int:
        """Bytes of everything that was pushed."""
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())

    def image(self, name: str, tag: str = "1") -> str:
        """The full name of an image."""
        return f"{self.host}/{name}:{tag}"


@contextmanager
def running_registry(directory: Path, *, login: bool = False) -> Iterator[Registry]:
    """A registry that keeps everything in a directory.

    Args:
        directory: to make.
        login: whether it is read and written only as USER with PASSWORD.
    """
    directory.mkdir(parents=True)
    port = free_port()
    config = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": False}, "level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "for uploads in parts"},
    }
    if login:
        (directory / "htpasswd").write_text(f"{USER}:{_HTPASSWD}\n", encoding="utf-8")
        config["auth"] = {"htpasswd": {"realm": "e2e", "path": str(directory / "htpasswd")}}
    # JSON is YAML.
    (directory / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    log = directory / "registry.log"
    argv = ["docker-registry", "serve", str(directory / "config.yml")]
    # Its own variables would change what the file says.
    env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with running(argv, log, lambda: listens("127.0.0.1", port), env=env):
        yield Registry(f"127.0.0.1:{port}", log, directory / "data")
