"""A compiled pipeline on this machine, from its inputs to the summary."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime, timezone

import click

from kedro_vertexai.compiler import Compiled, missing_inputs
from kedro_vertexai.errors import RunError
from kedro_vertexai.git_state import at_commit, git_state
from kedro_vertexai.spec.build import build_spec, job_values
from kedro_vertexai.stage import stage
from kedro_vertexai.summary import print_summary
from kedro_vertexai.targets.local import ROOT, LocalOptions, make_reporter, run_job


def run_here(compiled: Compiled, options: LocalOptions) -> int:
    """Run the plan, print what came of it, and return the exit code: 0 only for success.

    Raises:
        RunError: the run cannot start; nothing has run.
    """
    project, plan = compiled.project, compiled.plan
    if plan.tracked:
        plan = at_commit(plan, git_state(project.path))
    if missing := missing_inputs(plan):
        raise RunError("; ".join(missing))
    root = str(project.path / ROOT)
    if plan.staged:
        click.echo(stage(compiled, root))
    result = run_job(
        build_spec(plan, root=root),
        job_name=_job_name(plan.name),
        project_path=project.path,
        parameter_values=job_values(plan),
        options=options,
        reporter=make_reporter(sys.stdout),
    )
    print_summary(result, project.path)
    return 0 if result.state == "SUCCEEDED" else 1


def _job_name(pipeline: str) -> str:
    """A new job's name: valid as a Vertex AI job id, sortable by time, unique."""
    now = datetime.now(timezone.utc)
    return f"{pipeline}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(2)}"
