"""What a user can say about how a local job runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.engine import Engine

FailurePolicy = Literal["slow", "fast"]


@dataclass(frozen=True)
class LocalOptions:
    """Settings of one local job."""

    max_workers: int | None = None
    """Tasks that run at the same time; None: one per processor."""
    failure_policy: FailurePolicy = "slow"
    """slow: tasks that do not need the failed one go on; fast: everything is stopped."""
    warm_modules: tuple[str, ...] = ()
    """Third-party modules to import once, before tasks are forked."""
    in_image: tuple[str, ...] = ()
    """Paths of the project that the image holds though they are data."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Extra environment of every task."""
    engine: Engine | None = None
    """What runs the tasks; None: each in a process and a working copy of its own."""
    grace_period: float = 10.0
    """Seconds between SIGTERM and SIGKILL when a task is stopped."""

    def workers(self) -> int:
        """Return the number of tasks that may run at once.

        Raises:
            RunError: if `max_workers` is not a positive number.
        """
        if self.max_workers is None:
            return os.cpu_count() or 1
        if self.max_workers < 1:
            raise RunError(f"max_workers is {self.max_workers}: it must be 1 or more")
        return self.max_workers
