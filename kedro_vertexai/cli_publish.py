"""`kedro vertexai publish`."""

from __future__ import annotations

from typing import Any

import click

from kedro_vertexai.cli_options import image_option, params_file_option, params_option
from kedro_vertexai.warn import warn


@click.command("publish")
@click.option(
    "--repository",
    required=True,
    metavar="https://REGION-kfp.pkg.dev/PROJECT/REPOSITORY",
    help="Repository of Artifact Registry, of the format Kubeflow Pipelines.",
)
@click.option("--tag", "tags", multiple=True, help="Tag of the new version. Repeatable.")
@click.option(
    "-p",
    "--pipeline",
    "pipelines",
    multiple=True,
    default=["__default__"],
    help="Registered pipeline. Repeatable.",
)
@image_option
@params_option("Default of a parameter")
@params_file_option("parameter defaults")
@click.pass_obj
def publish(
    obj: dict[str, Any],
    /,
    repository: str,
    tags: tuple[str, ...],
    pipelines: tuple[str, ...],
    **options: Any,
) -> None:
    """Upload the compiled pipeline as a template, its raw inputs before it."""
    from kedro_vertexai.compiler import Request, compile_project, notes_for_vertex
    from kedro_vertexai.overrides import parse_overrides
    from kedro_vertexai.publish import publish as publish_all
    from kedro_vertexai.targets.vertex.templates import Repository, check_tags

    # Before the project is read, which takes seconds.
    place = Repository.parse(repository)
    check_tags(tags)
    values = parse_overrides(options["params"], options["params_file"])
    compiled = [
        compile_project(
            Request(
                obj["path"],
                obj["env"],
                pipeline,
                image=options["image"],
                values=values,
                new_defaults=True,
            )
        )
        for pipeline in dict.fromkeys(pipelines)
    ]
    warn(dict.fromkeys(note for one in compiled for note in one.notes))
    warn(dict.fromkeys(note for one in compiled for note in notes_for_vertex(one)))
    for line in publish_all(compiled, place, tuple(dict.fromkeys(tags))):
        click.echo(line)
