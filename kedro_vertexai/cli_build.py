"""`kedro vertexai build`."""

from __future__ import annotations

from typing import Any

import click


@click.command("build")
@click.option("-i", "--image", help="Name and tag, instead of run_config.image.")
@click.option("--no-push", is_flag=True, help="Leave the image in this machine's Docker engine.")
@click.option("--check", is_flag=True, help="Run the image once: does it fit the project?")
@click.option(
    "--builder",
    type=click.Choice(["docker", "cloud-build"]),
    default="docker",
    show_default=True,
    help="What builds. `cloud-build`: Google Cloud Build, which needs no Docker here.",
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def build(
    obj: dict[str, Any], /, image: str | None, no_push: bool, check: bool, builder: str, yes: bool
) -> None:
    """Build the project's image from its Dockerfile, push it, and print its digest."""
    from kedro_vertexai.build_image import build_image, not_built, others, prepare
    from kedro_vertexai.warn import warn

    if builder == "cloud-build" and no_push:
        raise click.UsageError("--no-push is for --builder docker: Cloud Build keeps no image")
    if builder == "cloud-build" and check:
        raise click.UsageError("--check is for --builder docker: it runs the image here")
    building = prepare(obj["path"], obj["env"], image, asks=not yes)
    if builder == "cloud-build":
        from kedro_vertexai.build_in_cloud import build_in_cloud

        built = build_in_cloud(building)
    else:
        built = build_image(building, pushes=not no_push, checks=check)
    if image is None:
        # Who names an image knows that there are others.
        warn(not_built(*other) for other in others(building).items())
    click.echo(built)
