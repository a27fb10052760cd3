"""What carries out the attempts of a job: processes here, or containers of an engine."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kedro_vertexai.targets.local.graph import ContainerExecutor, Graph, Task
from kedro_vertexai.targets.local.launcher import Process
from kedro_vertexai.targets.local.layout import AttemptPaths, JobLayout
from kedro_vertexai.targets.progress import Reporter


@dataclass(frozen=True)
class Work:
    """One attempt of one task, ready to start."""

    task: Task
    executor: ContainerExecutor
    argv: tuple[str, ...]
    """Without placeholders."""
    paths: AttemptPaths


class Workplace(Protocol):
    """Where the attempts of one job run; its methods are called in many threads at once."""

    def start(self, work: Work) -> Process:
        """Start an attempt, in surroundings of its own.

        Raises:
            TaskError: if it cannot be started.
            OSError: if its surroundings cannot be made.
        """

    def succeeded(self, task: str, number: int) -> None:
        """Forget what was only kept to look into a failure: attempt `number` (from 1) is good."""


class Engine(Protocol):
    """A way to run the containers of a spec."""

    def check(self, graph: Graph) -> None:
        """Look for what would stop the job, before anything of it is made.

        Raises:
            RunError: the job cannot run.
        """

    def fits(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether there is room for a task beside those that run.

        True wherever none runs: `check` has refused what never fits.
        """

    def open(
        self, graph: Graph, layout: JobLayout, reporter: Reporter
    ) -> AbstractContextManager[Workplace]:
        """Prepare for one job; at the end nothing of it runs any more.

        Raises:
            RunError: it cannot be prepared.
        """
