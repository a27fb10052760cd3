"""Uploads what a compiled pipeline reads from this disk, before a job needs it."""

from __future__ import annotations

import sys

from kedro_vertexai.compiler import Compiled
from kedro_vertexai.transfer import make_transfer
from kedro_vertexai.upload import stage_inputs


def stage(compiled: Compiled, root: str) -> str:
    """Upload the raw inputs under a root, unless they are there, with a bar on a terminal.

    Returns:
        What was done, in a line.

    Raises:
        VertexAIError: an input cannot be read, or the root cannot be written.
    """
    reporter = make_transfer(sys.stdout, "Staging")
    return str(stage_inputs(compiled.plan.staged, root, compiled.project.path, reporter))
