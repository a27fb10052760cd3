"""Runs each attempt in a container of its own, as many at once as their limits leave room for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from kedro_vertexai.errors import RunError, TaskError
from kedro_vertexai.targets.docker.client import connect, explanation
from kedro_vertexai.targets.docker.images import find_image
from kedro_vertexai.targets.docker.leftovers import locked, remove_leftovers
from kedro_vertexai.targets.docker.machine import Machine, limits_of
from kedro_vertexai.targets.docker.options import DockerOptions
from kedro_vertexai.targets.docker.ownership import let_group_write, take_back
from kedro_vertexai.targets.docker.package_version import how_it_differs, images_with_us
from kedro_vertexai.targets.docker.workplace import Containers
from kedro_vertexai.targets.local.engine import Workplace
from kedro_vertexai.targets.local.graph import ContainerExecutor, Graph, Task
from kedro_vertexai.targets.local.layout import JobLayout
from kedro_vertexai.targets.progress import Reporter

if TYPE_CHECKING:
    from docker import DockerClient


class DockerEngine:
    """The Docker engine of this machine, for one job."""

    def __init__(self, options: DockerOptions) -> None:
        """Reach the engine.

        Raises:
            RunError: there is none, or it does not let this user in.
        """
        self._options = options
        self._client = connect()
        self._machine = _machine(self._client)
        self._images: dict[str, str] = {}
        self._differences: list[str] = []

    def check(self, graph: Graph) -> None:
        """Look for the images and what they hold, and for tasks that never fit.

        Raises:
            RunError: an image is not here or can run no task, or a task needs more than there is.
        """
        self._machine.check(graph.tasks.values())
        for task in graph.tasks.values():
            if isinstance(task.executor, ContainerExecutor):
                name = task.executor.image
                if name not in self._images:
                    self._images[name] = find_image(
                        self._client, name, self._machine, self._options.pulling
                    )
        for name in sorted(images_with_us(graph)):
            self._differences += how_it_differs(self._client, self._images[name], name)

    def fits(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether the machine suffices for one more."""
        return self._machine.fits(task, running)

    @contextmanager
    def open(self, graph: Graph, layout: JobLayout, reporter: Reporter) -> Iterator[Workplace]:
        """Remove what a killed command has left; leave nothing of this one."""
        self._warn(graph, reporter)
        options = self._options
        if options.store is not None:
            options.store.chmod(options.store.stat().st_mode & 0o7777 | 0o070)
        for place in options.store_contents:
            let_group_write(place)
        with locked(layout.path):
            if removed := remove_leftovers(self._client, layout.project_path, layout.path.parent):
                number = "1 container" if removed == 1 else f"{removed} containers"
                reporter.warning(f"removed {number} that a killed command had left")
            containers = Containers(self._client, self._machine, layout, self._images, options)
            try:
                with closing(containers):
                    yield containers
            finally:
                self._take_back(layout, reporter)

    def _warn(self, graph: Graph, reporter: Reporter) -> None:
        for difference in self._differences:
            reporter.warning(difference)
        for task in graph.tasks.values():
            limits = limits_of(task)
            name = task.display_name
            if limits.cpu and limits.cpu > self._machine.cpus:
                reporter.warning(
                    f"'{name}' may use {limits.cpu:g} cores, and the Docker engine's machine has "
                    f"{self._machine.cpus}: it gets all of them"
                )
            if limits.accelerators and not self._machine.has_gpus:
                reporter.warning(
                    f"'{name}' asks for {limits.accelerators} x {limits.accelerator}, and the "
                    "Docker engine has no GPU to give (nvidia-container-toolkit): it gets none"
                )

    def _take_back(self, layout: JobLayout, reporter: Reporter) -> None:
        image = next(iter(self._images.values()), "")
        places = (layout.artifacts, *self._options.store_contents)
        try:
            take_back(self._client, self._machine, image, places)
        except (TaskError, OSError) as error:
            reporter.warning(str(error))


def _machine(client: DockerClient) -> Machine:
    from docker.errors import DockerException
    from requests import RequestException

    try:
        return Machine.of(client.info(), client.version())
    except (DockerException, RequestException) as error:
        raise RunError(f"the Docker engine says nothing of itself: {explanation(error)}") from error
