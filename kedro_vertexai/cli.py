"""The `kedro vertexai` commands: read options, call one function, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedro_vertexai.cli_build import build
from kedro_vertexai.cli_jobs import COMMANDS as JOB_COMMANDS
from kedro_vertexai.cli_options import (
    check_auto_build,
    check_run_options,
    pipeline_options,
    pulls,
    request_of,
    submission_options,
    take_submission,
    template_values,
)
from kedro_vertexai.cli_publish import publish
from kedro_vertexai.cli_schedule import schedule
from kedro_vertexai.errors import VertexAIError
from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


_WIDE = 1000


class ErrorsInOneLine(click.Group):
    """Ends a user's mistake in one line and a non-zero exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VertexAIError as error:
            raise click.ClickException(str(error)) from error


@click.group(name="VertexAI")
def commands() -> None:
    """Kedro pipelines on Vertex AI Pipelines."""


@commands.group(
    name="vertexai",
    cls=ErrorsInOneLine,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-e",
    "--env",
    default=lambda: os.environ.get("KEDRO_ENV", "local"),
    help="Kedro environment; KEDRO_ENV or `local` without.",
)
@click.pass_context
def vertexai(ctx: click.Context, env: str) -> None:
    """Take this project to Vertex AI Pipelines."""
    metadata: ProjectMetadata = ctx.obj
    ctx.obj = {"path": Path(metadata.project_path), "env": env}


@vertexai.command("init")
@click.argument("project_id")
@click.argument("region")
@click.option(
    "--with-docker", "docker", is_flag=True, help="Write a Dockerfile and a .dockerignore, too."
)
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.pass_obj
def init(obj: dict[str, Any], project_id: str, region: str, docker: bool, force: bool) -> None:
    """Write conf/base/vertexai.yml for a Google Cloud PROJECT_ID and REGION."""
    from kedro_vertexai.init_project import init_project

    for line in init_project(obj["path"], project_id, region, docker=docker, force=force):
        click.echo(line)


@vertexai.command("compile")
@pipeline_options
@click.option(
    "-o",
    "--output",
    default="pipeline.yaml",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Pipeline spec; JSON if it ends in .json.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Also show how each dataset travels, who writes and reads it, and why.",
)
@click.pass_obj
def compile_(obj: dict[str, Any], /, output: Path, explain: bool, **options: Any) -> None:
    """Write the pipeline as a KFP pipeline spec."""
    from kedro_vertexai.compiler import (
        compile_project,
        inputs_to_stage,
        notes_for_vertex,
        spec_for_vertex,
    )
    from kedro_vertexai.spec.write import write_spec

    compiled = compile_project(request_of(obj, options, new_defaults=True))
    warn(compiled.notes)
    write_spec(spec_for_vertex(compiled), output)
    warn(notes_for_vertex(compiled))
    if explain:
        from rich.console import Console

        from kedro_vertexai import explain as explanation

        # What is read by a program, or goes to a file, is not broken into lines.
        console = Console(width=None if sys.stdout.isatty() else _WIDE)
        explanation.print_rows(explanation.explain(compiled.project, compiled.plan), console)
    count = len(compiled.plan.tasks)
    tasks = "task" if count == 1 else "tasks"
    click.echo(f"{compiled.plan.name}: {count} {tasks} written to {output}")
    if inputs := inputs_to_stage(compiled):
        click.echo("Raw inputs that it reads, for `kedro vertexai stage` to upload:")
        for line in inputs:
            click.echo(f"  {line}")


@vertexai.command("stage")
@pipeline_options
@click.pass_obj
def stage(obj: dict[str, Any], /, **options: Any) -> None:
    """Upload the raw inputs of the pipeline to run_config.root, unless they are there."""
    from kedro_vertexai.compiler import compile_project, staging_root
    from kedro_vertexai.stage import stage as stage_inputs

    compiled = compile_project(request_of(obj, options, new_defaults=True))
    warn(compiled.notes)
    if not compiled.plan.staged:
        click.echo(f"{compiled.plan.name} reads no raw inputs: nothing to stage")
        return
    root = staging_root(compiled)
    click.echo(f"{stage_inputs(compiled, root)} under {root}")


@vertexai.command("run-once")
@pipeline_options
@click.option(
    "--target",
    type=click.Choice(["vertex", "local", "docker"]),
    default="vertex",
    show_default=True,
    help="Where to run. On this machine, `local`: each task in a process and directory of its own; "
    "`docker`: each in a container of its image. Such a run is always waited for.",
)
@click.option(
    "--max-workers",
    type=click.IntRange(min=1),
    help="Tasks at once on this machine; without, one a core, or as their limits leave room for.",
)
@submission_options
@click.option(
    "--auto-build",
    is_flag=True,
    help="Build the image first; for Vertex AI push it, too, and run it by its digest.",
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option(
    "--template",
    metavar="URI",
    help="Run a published pipeline: https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY/PIPELINE/TAG.",
)
@click.pass_context
def run_once(
    ctx: click.Context,
    /,
    target: str,
    max_workers: int | None,
    template: str | None,
    auto_build: bool,
    **options: Any,
) -> None:
    """Run the pipeline once, on Vertex AI or on this machine."""
    from kedro_vertexai.compiler import compile_project

    vertex = take_submission(options)
    check_run_options(target, vertex, max_workers)
    check_auto_build(auto_build, target, template, vertex)
    if template is not None:
        from kedro_vertexai.run_template import run_template
        from kedro_vertexai.run_vertex import VertexOptions

        given = template_values(ctx, target)
        jobs = ctx.obj["path"], ctx.obj["env"]
        ctx.exit(run_template(*jobs, template, given, VertexOptions(**vertex)))
    compiled = compile_project(request_of(ctx.obj, options, new_defaults=False))
    warn(compiled.notes)
    if auto_build:
        from kedro_vertexai.build_image import build_and_pin

        # Of this machine's targets, the one that runs images has the engine that builds them.
        compiled = build_and_pin(compiled, asks=vertex["asks"], pushes=target == "vertex")
    if target == "local":
        from kedro_vertexai.run_local import run_local

        ctx.exit(run_local(compiled, max_workers=max_workers))
    if target == "docker":
        from kedro_vertexai.run_docker import run_docker

        may_pull = pulls(asks=bool(vertex["asks"]))
        ctx.exit(run_docker(compiled, max_workers=max_workers, may_pull=may_pull))
    from kedro_vertexai.run_vertex import VertexOptions, run_vertex

    ctx.exit(run_vertex(compiled, VertexOptions(**vertex)))


@vertexai.command("pull")
@click.argument("job")
@click.argument("datasets", nargs=-1)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write below, instead of the project.",
)
@click.option("--force", is_flag=True, help="Replace local files that changed after the job.")
@click.pass_obj
def pull(
    obj: dict[str, Any], job: str, datasets: tuple[str, ...], to: Path | None, force: bool
) -> None:
    """Bring the outputs of JOB, or those DATASETS of it, to their paths in the catalog.

    JOB is a local job (its name, the beginning of just one, or `latest`) or the id of a job of
    Vertex AI.
    """
    from kedro_vertexai.pull import PullRequest
    from kedro_vertexai.pull import pull as pull_outputs
    from kedro_vertexai.transfer import make_transfer

    request = PullRequest(
        obj["path"], obj["env"], job, datasets, to=to and to.absolute(), force=force
    )
    report = pull_outputs(request, make_transfer(sys.stdout, "Fetching"))
    warn(report.notes)
    click.echo(str(report))


@vertexai.group("auth")
def auth() -> None:
    """Requests to MLflow that say who is asking."""


@auth.command("check")
@click.option(
    "--as",
    "service_account",
    metavar="SERVICE_ACCOUNT",
    help="Impersonate this service account, as which the pipeline will run.",
)
@click.pass_obj
def auth_check(obj: dict[str, Any], service_account: str | None) -> None:
    """Show who signs requests to MLflow, and whether the server takes them."""
    from kedro_vertexai.auth_check import check

    for title, text in check(obj["path"], obj["env"], service_account):
        click.echo(f"{title:<12} {text}")


for command in (build, publish, schedule, *JOB_COMMANDS):
    vertexai.add_command(command)
