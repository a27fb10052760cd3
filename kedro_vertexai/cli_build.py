"""`kedro vertexai build`."""

from __future__ import annotations

import click


@click.command("build")
@click.option("-i", "--image", help="Name and tag, instead of run_config.image.")
@click.option("--no-push", is_flag=True, help="Leave the image in this machine's Docker engine.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_context
def build(ctx: click.Context, /, image: str | None, no_push: bool, yes: bool) -> None:
    """Build the project's image from its Dockerfile, push it, and print its digest."""
    from kedro_vertexai.build_image import build_image, prepare
    from kedro_vertexai.follow_job import INTERRUPTED

    building = prepare(ctx.obj["path"], ctx.obj["env"], image, asks=not yes)
    try:
        click.echo(build_image(building, pushes=not no_push))
    except KeyboardInterrupt:
        click.echo(f"interrupted: {building.image} is not ready, build it again", err=True)
        ctx.exit(INTERRUPTED)
