"""`kedro vertexai build --builder cloud-build`: an image without an engine on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from kedro_vertexai.build_image import Building, confirm_tag
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.follow_job import INTERRUPTED
from kedro_vertexai.image.build import DOCKERFILE, check_dockerfile
from kedro_vertexai.image.context import Context, archived, read_context
from kedro_vertexai.image.engine import PLATFORM
from kedro_vertexai.image.name import check_buildable
from kedro_vertexai.storage import open_filesystem, storage_errors
from kedro_vertexai.targets.vertex.cloud_build import digest_of, start_build, wait_for
from kedro_vertexai.targets.vertex.images import pinned
from kedro_vertexai.transfer import readable
from kedro_vertexai.warn import warn

_ALL = (
    "no .dockerignore: all of the project is uploaded, conf/local and data too "
    "(`kedro vertexai init PROJECT_ID REGION --with-docker` writes one)"
)


def build_in_cloud(building: Building) -> str:
    """Upload what the project's Dockerfile may read, and have Cloud Build build and push it.

    Returns:
        The image by its digest.

    Raises:
        VertexAIError: there is no such image; or Cloud Build no longer tells of the build.
    """
    image = building.image
    check_buildable(image, pushed=True)
    check_dockerfile(building.project_path)
    root = _root(building)
    context = read_context(building.project_path, DOCKERFILE)
    _confirm(building, context, root)
    confirm_tag(building)
    clients = building.clients
    with archived(context) as (archive, digest):
        source = _upload(archive, f"{root}/builds/{digest}.tar.gz")
    build = start_build(clients, source, image, PLATFORM)
    click.echo(f"build {build.id}: {build.log_url}")
    try:
        build = wait_for(clients, build)
    except KeyboardInterrupt:
        click.echo(f"interrupted: build {build.id} goes on, {build.log_url}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    return pinned(image, digest_of(build, image))


def _root(building: Building) -> str:
    root = building.config.run_config.root_uri
    if root is None or not root.startswith("gs://"):
        raise ConfigError(
            "Cloud Build reads the project from Cloud Storage: write run_config.root as "
            "root: BUCKET/PREFIX"
        )
    return root.rstrip("/")


def _confirm(building: Building, context: Context, root: str) -> None:
    """Say what leaves this machine, and ask.

    Raises:
        click.Abort: the user does not want that.
    """
    if not context.is_filtered:
        warn([_ALL])
    count = len(context.files)
    files = "1 file" if count == 1 else f"{count} files"
    click.echo(
        f"{files} of {building.project_path}, {readable(context.size)} before compression, go to "
        f"{root}/builds, and Cloud Build in project {building.config.project_id} builds "
        f"{building.image}"
    )
    if building.asks:
        click.confirm("Upload them?", abort=True)


def _upload(archive: Path, uri: str) -> str:
    """Put the archive into Cloud Storage, whole or not at all; return its URI."""
    size = readable(archive.stat().st_size)
    fs, path = open_filesystem(uri)
    with storage_errors(uri):
        if fs.exists(path):
            # Named by its content; an object appears there whole or not at all.
            click.echo(f"{uri} is there already")
            return uri
        fs.put_file(str(archive), path)
    click.echo(f"{size} uploaded to {uri}")
    return uri
