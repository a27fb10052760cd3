"""What costs seconds to import is imported by the command that needs it, and not before."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("kfp.", "google.cloud.", "google.auth", "google.api_core", "mlflow", "docker", "gcsfs")
FOUND = f"""
import sys
heavy = {HEAVY!r}
for name in list(sys.modules):
    if name.startswith(heavy):
        print("heavy:", name)
"""
EVERY_HELP = """
from pathlib import Path
from types import SimpleNamespace
from click.testing import CliRunner
from kedro_vertexai.cli import commands

def paths(command, path=()):
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, (*path, name))

for path in paths(commands):
    # All that a command's help needs of a project.
    metadata = SimpleNamespace(project_path=Path.cwd())
    done = CliRunner().invoke(commands, [*path, "--help"], obj=metadata)
    assert done.exit_code == 0, (path, done.output)
    print("help:", *path)
"""
# What is below these works for MLflow, in tasks.
EVERY_MODULE = """
import importlib, pkgutil, kedro_vertexai
for module in pkgutil.walk_packages(kedro_vertexai.__path__, "kedro_vertexai."):
    apart = (".tracking.", ".auth.", ".__main__")
    if not any(part in module.name for part in apart):
        importlib.import_module(module.name)
        print("module:", module.name)
"""


def lines_of(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program + FOUND],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_help_of_every_command_loads_none_of_it() -> None:
    lines = lines_of(EVERY_HELP)
    assert {"help: vertexai rerun", "help: vertexai auth check"} <= set(lines)
    assert [line for line in lines if line.startswith("heavy:")] == []


def test_no_module_loads_it_for_being_imported() -> None:
    lines = lines_of(EVERY_MODULE)
    assert {"module: kedro_vertexai.schedule", "module: kedro_vertexai.publish"} <= set(lines)
    assert [line for line in lines if line.startswith("heavy:")] == []
