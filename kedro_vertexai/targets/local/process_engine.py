"""Runs each attempt as a process on this machine, in a working copy of the project."""

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress

from kedro_vertexai.targets.local import working_copy
from kedro_vertexai.targets.local.engine import Work, Workplace
from kedro_vertexai.targets.local.environment import shared_environment, task_environment
from kedro_vertexai.targets.local.fork_launcher import ForkLauncher
from kedro_vertexai.targets.local.graph import ContainerExecutor, Graph, Task
from kedro_vertexai.targets.local.launcher import (
    Command,
    Launcher,
    Process,
    can_fork,
    runtime_arguments,
)
from kedro_vertexai.targets.local.layout import JobLayout
from kedro_vertexai.targets.local.local_launcher import LocalLauncher
from kedro_vertexai.targets.local.options import LocalOptions
from kedro_vertexai.targets.progress import Reporter


class ProcessEngine:
    """Processes know no limits and need no image."""

    def __init__(self, options: LocalOptions) -> None:
        self._options = options

    def check(self, graph: Graph) -> None:
        """Any job can run."""

    def fits(self, task: Task, running: Collection[Task]) -> bool:  # noqa: ARG002
        """Only the number of workers counts."""
        return True

    @contextmanager
    def open(self, graph: Graph, layout: JobLayout, reporter: Reporter) -> Iterator[Workplace]:
        """Copy the project as an image would hold it, while the fork server warms up."""
        try:
            with closing(_launcher(graph, layout, self._options, reporter)) as launcher:
                working_copy.make_image(layout.project_path, layout.image, reporter.warning)
                working_copy.add_to_image(layout.project_path, layout.image, self._options.in_image)
                yield _WorkingCopies(layout, launcher, self._options)
        finally:
            _tidy(layout)


class _WorkingCopies:
    def __init__(self, layout: JobLayout, launcher: Launcher, options: LocalOptions) -> None:
        self._layout = layout
        self._launcher = launcher
        self._options = options

    def start(self, work: Work) -> Process:
        paths = work.paths
        working_copy.copy_image(self._layout.image_surroundings, paths.surroundings)
        given = {**self._options.env, "KEDRO_VERTEXAI_LOG": str(paths.log)}
        env = task_environment(work.executor.env, given, self._layout.project_path, paths.work)
        return self._launcher.start(
            Command(work.executor.image, work.argv, env, paths.work, paths.log)
        )

    def succeeded(self, task: str, number: int) -> None:
        for earlier in range(1, number + 1):
            working_copy.remove(self._layout.attempt(task, earlier).surroundings)


def _launcher(
    graph: Graph, layout: JobLayout, options: LocalOptions, reporter: Reporter
) -> LocalLauncher:
    containers = [
        task.executor
        for task in graph.tasks.values()
        if isinstance(task.executor, ContainerExecutor)
        and runtime_arguments(task.executor.argv) is not None
    ]
    forks = None
    if containers and can_fork():
        env = shared_environment([c.env for c in containers], options.env, layout.project_path)
        forks = ForkLauncher(env, layout.fork_server_log, options.warm_modules)
    return LocalLauncher(forks, reporter.warning)


def _tidy(layout: JobLayout) -> None:
    """Remove the image, and the directory of working copies unless a failed task left its own."""
    working_copy.remove(layout.image_surroundings)
    with suppress(OSError):
        layout.work.rmdir()
