"""The pre-flight as commands use it: from configuration and spec to lines for the user."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kedro_vertexai.config import RunConfig
from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.preflight import Finding, Level, Subject, check
from kedro_vertexai.targets.vertex.request import JobRequest
from kedro_vertexai.warn import warn

# Of `config_authentication.SECRET_BACKENDS`.
_SECRET_MANAGER = "google-secret-manager"


def check_request(
    clients: GoogleClients, run_config: RunConfig, request: JobRequest, *, uploads: bool
) -> dict[str, str]:
    """Make all checks of a job before it is submitted, and print what does not stop it.

    Args:
        clients: of the project and region.
        run_config: says what authentication reads.
        request: the job.
        uploads: whether raw inputs are staged under the root before the submission.

    Returns:
        By image of the spec that is named by a tag, its name by the digest which was found.

    Raises:
        RunError: something would keep the job from running; it says all that was found.
    """
    subject = Subject(
        spec=request.spec,
        root=request.root,
        service_account=request.service_account,
        values=request.values,
        labels=request.labels,
        display_name=request.display_name,
        uploads=uploads,
        apis=used_apis(run_config),
    )
    return check_subject(clients, subject)


def check_subject(clients: GoogleClients, subject: Subject) -> dict[str, str]:
    """The same of a job in plain data.

    Raises:
        RunError: something would keep the job from running; it says all that was found.
    """
    warnings, notes, pins = preflight(clients, subject)
    warn(warnings)
    for line in notes:
        click.echo(line)
    return pins


def used_apis(run_config: RunConfig) -> tuple[str, ...]:
    """Services that the tasks use because of what authentication reads."""
    secrets = run_config.authentication.secrets
    reads_secrets = secrets is not None and secrets.backend == _SECRET_MANAGER
    return ("secretmanager.googleapis.com",) if reads_secrets else ()


def preflight(
    clients: GoogleClients, subject: Subject
) -> tuple[list[str], list[str], dict[str, str]]:
    """Make all checks; return what they warn of, what is good to know, and digests of images.

    Raises:
        RunError: something would keep the job from running; it says all that was found.
    """
    findings = check(clients, subject)
    warnings = _lines(findings, Level.WARNING)
    if errors := _lines(findings, Level.ERROR):
        raise RunError(_report(errors, warnings))
    pins = dict(finding.pin for finding in findings if finding.pin)
    return warnings, _lines(findings, Level.NOTE), pins


def _lines(findings: Sequence[Finding], level: Level) -> list[str]:
    return [str(finding) for finding in findings if finding.level is level]


def _report(errors: Sequence[str], warnings: Sequence[str]) -> str:
    count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
    lines = [f"{count} would keep the job from running (--no-check submits it all the same)"]
    lines += [f"  {line}" for line in errors]
    if warnings:
        lines += ["and what may matter too:", *(f"  {line}" for line in warnings)]
    return "\n".join(lines)
