"""What a finished job leaves, for the person who started it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedro_vertexai.targets.local.layout import local_path
from kedro_vertexai.task_inputs import JOB, RUN
from kedro_vertexai.text_table import coloured, table_lines

if TYPE_CHECKING:
    from kedro_vertexai.targets.local import JobResult, TaskResult


def print_summary(result: JobResult, project_path: Path) -> None:
    """Print every task, where outputs and logs lie, and the MLflow run."""
    click.echo(f"\nJob {result.job_name}: {coloured(result.state)}")
    _table(("Task", "State", "Seconds"), [_task_row(task) for task in result.tasks])
    outputs = _outputs(result, project_path)
    if outputs:
        click.echo("\nOutputs")
        _table(("Dataset", "Lies at"), outputs)
    for task in result.tasks:
        if task.state == "FAILED":
            click.echo(f"\n{task.display_name}: {task.error}")
            if task.log_path:
                click.echo(f"  log: {_relative(task.log_path, project_path)}")
    if run := _mlflow_run(result):
        _print_run(run)
    elif reason := _untracked(result):
        click.secho(f"\nThis job is not tracked: {reason}", fg="yellow")


def _task_row(task: TaskResult) -> tuple[str, str, str]:
    seconds = "" if task.duration is None else f"{task.duration:.1f}"
    return task.display_name, coloured(task.state), seconds


def _outputs(result: JobResult, project_path: Path) -> list[tuple[str, str]]:
    """The datasets of the catalog; objects that only passed between tasks are left out."""
    links = {os.path.realpath(link): link for link in sorted((result.path / "outputs").glob("*"))}
    found = set()
    for task in result.tasks:
        if not task.log_path:
            # An importer, which has no process, has made nothing.
            continue
        for output in task.outputs.values():
            dataset, path = output.metadata.get("dataset"), local_path(output.uri)
            if not dataset or output.is_absent:
                continue
            if path is None or output.uri.startswith("file://"):
                # It stays where its dataset keeps it.
                found.add((str(dataset), output.uri))
            elif output.metadata.get("path"):
                place = links.get(os.path.realpath(path), path)
                found.add((str(dataset), _relative(place, project_path)))
    return sorted(found)


def _mlflow_run(result: JobResult) -> dict[str, Any] | None:
    for task in result.tasks:
        if value := task.output_parameters.get(RUN):
            return json.loads(value)  # type: ignore[no-any-return]
    return None


def _untracked(result: JobResult) -> str:
    """Why the job has no MLflow run though it should have one; empty if it need not."""
    for task in result.tasks:
        if value := task.output_parameters.get(JOB):
            return str(json.loads(value).get("untracked", ""))
    return ""


def _print_run(run: Mapping[str, Any]) -> None:
    click.echo(f"\nMLflow run {run['id']} ({run['name']}): {run['status']}")
    for key, value in run["tags"].items():
        if key.startswith("vertexai_"):
            click.echo(f"  {key}: {value}")
    uri = str(run["tracking_uri"])
    if uri.startswith("http"):
        click.echo(f"  at {uri}")
    else:
        command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
        click.echo(f"  open it with: {shlex.join(command)}")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    for line in table_lines(header, rows):
        click.echo(f"  {line}")


def _relative(path: Path, project_path: Path) -> str:
    return os.path.relpath(path, project_path)
