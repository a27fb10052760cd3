"""The user: a home, a project made from the starter, and the commands that they type."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

# Of the machine that runs the tests, and none of the user's.
_NOT_THEIRS = (
    *("CLOUDSDK_", "DOCKER_", "GCE_", "GOOGLE_", "KEDRO_", "MLFLOW_", "PIP_", "UV_"),
    *("PYTHONPATH", "VIRTUAL_ENV"),
)
_QUIET = {
    "DO_NOT_TRACK": "1",
    "KEDRO_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A wide terminal, so that no message is broken into lines.
    "COLUMNS": "400",
}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    printed: str
    """Standard output and standard error."""


@dataclass(frozen=True)
class User:
    """Where they are and what their environment holds."""

    home: Path
    python: Path
    """Of the environment that they have installed us in."""
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_variables(self, **variables: str) -> User:
        """The same user with a different environment."""
        return replace(self, variables={**self.variables, **variables})

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a command of theirs."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS)
        }
        path = os.pathsep.join([str(self.python.parent), os.environ["PATH"]])
        return {**kept, **_QUIET, "PATH": path, "HOME": str(self.home), **self.variables}

    def start(self, *argv: str, where: Path) -> subprocess.Popen[str]:
        """Start a command; both of its outputs come in one stream."""
        return subprocess.Popen(
            argv,
            cwd=where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *argv: str, where: Path, timeout: float = 600) -> Done:
        """Run a command to its end, at most so many seconds."""
        process = self.start(*argv, where=where)
        try:
            printed, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Done(process.returncode, printed)

    def kedro(self, *words: str, where: Path, timeout: float = 600) -> Done:
        """Run one of Kedro's commands."""
        return self.run(*kedro(*words), where=where, timeout=timeout)


def kedro(*words: str) -> list[str]:
    """A command of the user's Kedro, the script `kedro` being another environment's."""
    return ["python", "-m", "kedro", *words]


def merge_yaml(file: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a configuration file, nested ones too. Its comments are lost."""
    content = yaml.safe_load(file.read_text("utf-8")) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(_merged(content or {}, changes)), encoding="utf-8")


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


def digests(folder: Path) -> dict[str, str]:
    """The content of every file below a folder, by path."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
