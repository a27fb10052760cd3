"""What the engine's machine has to give, and which tasks find room on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.graph import ContainerExecutor, Task
from kedro_vertexai.targets.local.limits import Limits

RESERVE = 512 * 1024 * 1024
"""Bytes of memory left to the engine, the system and this command."""

_NONE = Limits()


@dataclass(frozen=True)
class Machine:
    """The machine that an engine runs on."""

    cpus: int
    memory: int
    """Bytes."""
    architecture: str
    """As images name it: `amd64`, `arm64`."""
    is_rootless: bool
    """Whether root in a container is an ordinary user outside."""
    is_desktop: bool
    """Whether it is Docker Desktop's own machine, which sees to owners of files itself."""
    has_gpus: bool

    @classmethod
    def of(cls, info: Mapping[str, Any], version: Mapping[str, Any]) -> Machine:
        """Read what the engine says of itself."""
        security = info.get("SecurityOptions") or ()
        return cls(
            cpus=int(info["NCPU"]),
            memory=int(info["MemTotal"]),
            architecture=str(version.get("Arch", "")),
            is_rootless=any(option.startswith("name=rootless") for option in security),
            is_desktop=info.get("OperatingSystem") == "Docker Desktop",
            has_gpus="nvidia" in (info.get("Runtimes") or {}),
        )

    @property
    def room(self) -> int:
        """Bytes of memory for all tasks together."""
        return max(0, self.memory - RESERVE)

    def check(self, tasks: Iterable[Task]) -> None:
        """Refuse a task that never fits.

        Raises:
            RunError: its limit is more than the memory there is.
        """
        for task in tasks:
            wanted = limits_of(task).memory or 0
            if wanted > self.room:
                raise RunError(
                    f"task '{task.display_name}' may use {mebibytes(wanted)} of memory "
                    f"(run_config.resources), and the Docker engine's machine has "
                    f"{mebibytes(self.room)} for tasks: lower its limit, or give the engine more"
                )

    def fits(self, task: Task, running: Collection[Task]) -> bool:
        """Return whether the limits of all that run leave room for a task.

        Memory decides: nobody can be lent another's, and cores can, for a time. Of tasks that
        do not say how much memory they need, so many run as there are cores.
        """
        if not isinstance(task.executor, ContainerExecutor):
            return True
        limits = [limits_of(one) for one in (*running, task) if _in_container(one)]
        if len(limits) == 1:
            return True
        if limits_of(task).memory:
            return sum(one.memory or 0 for one in limits) <= self.room
        cpus = sum(self.cpus_of(one) for one in limits if not one.memory)
        return cpus <= self.cpus

    def cpus_of(self, limits: Limits) -> float:
        """Cores that a task takes; one without a limit counts as one core."""
        return min(limits.cpu or 1.0, float(self.cpus))


def _in_container(task: Task) -> bool:
    return isinstance(task.executor, ContainerExecutor)


def limits_of(task: Task) -> Limits:
    """The limits of a task; an importer has none and takes nothing."""
    return task.executor.limits if isinstance(task.executor, ContainerExecutor) else _NONE


def mebibytes(number: int) -> str:
    """A number of bytes for a person."""
    return f"{number / 2**20:,.0f} MiB"
