"""`kedro vertexai build`: the project's image, built, pushed and named by its digest."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kedro_vertexai.compiler import Compiled
from kedro_vertexai.config import PluginConfig, parse_config
from kedro_vertexai.errors import RunError
from kedro_vertexai.follow_job import INTERRUPTED
from kedro_vertexai.image.build import build, check_dockerfile
from kedro_vertexai.image.engine import connect, engine_errors
from kedro_vertexai.image.name import check_buildable, tag_of
from kedro_vertexai.image.progress import make_reporter
from kedro_vertexai.image.push import push
from kedro_vertexai.image_check import check_image
from kedro_vertexai.plan.pin import pin_images
from kedro_vertexai.project_config import read_vertexai_config
from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.images import google_login, image_digest, pinned
from kedro_vertexai.warn import warn

if TYPE_CHECKING:
    from docker import APIClient

# A tag that is meant to move.
_MOVING = "latest"


@dataclass(frozen=True)
class Building:
    """An image to build.

    Args:
        project_path: the project, with its Dockerfile.
        env: the Kedro environment.
        config: its `vertexai.yml`.
        image: name and tag.
        asks: whether the user may be asked before a tag is moved.
    """

    project_path: Path
    env: str
    config: PluginConfig
    image: str
    asks: bool = True

    @property
    def clients(self) -> GoogleClients:
        """Of the file's project and region."""
        return GoogleClients(Location(self.config.project_id, self.config.region))


def prepare(project_path: Path, env: str, image: str | None, *, asks: bool) -> Building:
    """Read what is to be built.

    Args:
        project_path: the project's root.
        env: the Kedro environment.
        image: instead of `run_config.image`.
        asks: see `Building`.

    Raises:
        VertexAIError: `vertexai.yml` cannot be read.
    """
    data, source = read_vertexai_config(project_path, env)
    config = parse_config(data, source)
    return Building(project_path, env, config, image or config.run_config.image, asks)


def build_image(building: Building, *, pushes: bool = True, checks: bool = False) -> str:
    """Build the image with this machine's engine, and push it; say what is done.

    Args:
        building: the image.
        pushes: whether it goes to its registry.
        checks: whether it is run once before, to see that it fits the project.

    Returns:
        The image by its digest; by its tag if it is not pushed.

    Raises:
        VertexAIError: there is no such image. What was there before is untouched.
    """
    try:
        return _build_and_push(building, pushes=pushes, checks=checks)
    except KeyboardInterrupt:
        click.echo(f"interrupted: {building.image} is not ready, build it again", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def build_and_pin(compiled: Compiled, *, asks: bool, pushes: bool = True) -> Compiled:
    """Build the image of a compiled pipeline, which then runs it: by its digest, if pushed.

    Args:
        compiled: the pipeline; building takes longer than compiling, so mistakes are found first.
        asks: see `Building`.
        pushes: whether it goes to its registry.

    Raises:
        VertexAIError: there is no such image.
    """
    config = compiled.config
    project = compiled.project
    building = Building(project.path, project.env, config, config.run_config.image, asks)
    image = build_image(building, pushes=pushes)
    plan = compiled.plan
    runs = {task.image for task in (*plan.tasks, *([plan.on_exit.task] if plan.on_exit else ()))}
    warn(not_built(*other) for other in others(building).items() if other[0] in runs)
    click.echo(f"the job runs {image}")
    return replace(compiled, plan=pin_images(plan, {building.image: image}))


def others(building: Building) -> dict[str, list[str]]:
    """Images of `run_config.images` that a build could make and this one does not; who runs them.

    What is named by its digest is made already.
    """
    found: dict[str, list[str]] = {}
    for name, image in building.config.run_config.images.items():
        if image != building.image and "@" not in image:
            found.setdefault(image, []).append(name)
    return found


def not_built(image: str, names: list[str]) -> str:
    """Say that an image stays as it is."""
    return (
        f"{image} is not built, which run_config.images has for {', '.join(names)}: "
        f"`kedro vertexai build --image {image}` builds it from this Dockerfile, too"
    )


def _build_and_push(building: Building, *, pushes: bool, checks: bool) -> str:
    image, clients = building.image, building.clients
    check_buildable(image, pushed=pushes)
    check_dockerfile(building.project_path)
    client = connect()
    if pushes:
        confirm_tag(building)
        # Who has no credentials learns that before a build of minutes; for the push, which comes
        # after it, a token that has expired meanwhile is renewed.
        google_login(clients, image)
    build(client, building.project_path, image, click.echo)
    if checks:
        _check(client, building)
    if not pushes:
        return image
    digest = push(client, image, google_login(clients, image), make_reporter(sys.stdout))
    return pinned(image, digest)


def _check(client: APIClient, building: Building) -> None:
    """Run the image once; it says what it holds.

    Raises:
        RunError: it does not fit the project; the message says all that was found.
    """
    with engine_errors():
        findings = check_image(client, building.image, building.project_path, building.env)
    if findings:
        raise RunError("\n  ".join([f"{building.image} does not fit the project:", *findings]))
    click.echo(f"{building.image} fits the project")


def confirm_tag(building: Building) -> None:
    """Ask before a tag that somebody may count on is moved to another image.

    Raises:
        click.Abort: the user does not want that.
    """
    if not building.asks or tag_of(building.image) == _MOVING:
        return
    try:
        found = image_digest(building.clients, building.image)
    except RunError:
        # Who may not look may still push, and otherwise the push says why not.
        found = "another image, perhaps"
    if found:
        click.confirm(f"{building.image} is {found} now. Replace it?", abort=True)
