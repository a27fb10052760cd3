"""Start `kedro vertexai` without the other plugins' commands.

Kedro imports every installed plugin's commands before it runs any: kedro-mlflow's import
mlflow, which takes longer than compiling. This is Kedro's `kedro.init` entry point, called
before that; for our own commands it hands Kedro's own CLI just ours.
"""

from __future__ import annotations

import os
import sys


def start() -> None:
    """Run `kedro vertexai ...` and exit; return at once for any other command."""
    if sys.argv[1:2] != ["vertexai"]:
        return
    import warnings
    from collections.abc import Sequence
    from pathlib import Path

    import click
    from kedro.framework.cli.cli import KedroCLI, cli
    from kedro.utils import find_kedro_project

    from kedro_vertexai.cli import commands

    # Our commands promise to need no network, and telemetry would load every plugin again.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Kedro calls what OmegaConf 2.4 renamed; the user can do nothing about it.
    warnings.filterwarnings("ignore", message=r"\s*register_new_resolver\(\)")

    class VertexAICLI(KedroCLI):
        """Kedro's CLI with one plugin."""

        @property
        def global_groups(self) -> Sequence[click.Group]:
            return [cli]

        @property
        def project_groups(self) -> Sequence[click.Group]:
            return [commands]

    path = find_kedro_project(Path.cwd())
    if path is None:
        sys.exit("Error: no Kedro project here: run `kedro vertexai` in a project's directory")
    VertexAICLI(project_path=path)()
