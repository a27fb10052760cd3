"""The demonstration behind `make demo`: from nothing to a finished run on this machine.

Makes a project from the starter in build/demo/, once, and takes it through the commands a user
would type. Every line it prints beyond the commands themselves is theirs.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / "build" / "demo"
NAME = "Vertex AI Demo"
PROJECT = HOME / "vertex-ai-demo"  # the folder that the starter makes of NAME
COMPILE = ["vertexai", "compile", "-o", "pipeline.yaml"]
RUN = ["vertexai", "run-once", "--target", "local"]


def kedro(*arguments: str, where: Path) -> None:
    """Run a Kedro command of this interpreter in `where`, and stop with its exit code if it fails.

    Raises:
        SystemExit: the command failed.
    """
    print(f"\n$ kedro {shlex.join(arguments)}", flush=True)
    # Usage statistics are for people's runs: a demonstration sends none, unless told to.
    environment = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "true"} | dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments], cwd=where, env=environment, check=False
    )
    if done.returncode:
        # A signal's number is negative here and 128 more in a shell.
        sys.exit(done.returncode if done.returncode > 0 else 128 - done.returncode)


def main() -> None:
    """Make the project where there is none yet, then compile and run it."""
    HOME.mkdir(parents=True, exist_ok=True)
    if not (PROJECT / "pyproject.toml").exists():
        kedro("new", "--starter=vertexai", "--name", NAME, where=HOME)
    if not (PROJECT / "conf" / "base" / "vertexai.yml").exists():
        kedro("vertexai", "init", "demo-project", "europe-west1", where=PROJECT)
    kedro(*COMPILE, where=PROJECT)
    kedro(*RUN, where=PROJECT)


if __name__ == "__main__":
    main()
