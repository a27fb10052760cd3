"""Why a container failed, where that is the image's or the limits' fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kedro_vertexai.targets.docker.machine import mebibytes
from kedro_vertexai.targets.local.engine import Work
from kedro_vertexai.targets.local.log_tail import last_meaningful_line

# Of `ImportError`, and of `python -m`.
_MISSING_MODULE = re.compile(r"No module named '?(?P<module>[\w.]+)'?")
# What a shell, and the engine's init process, answer for a program that cannot be started.
_CANNOT_RUN, _NOT_FOUND = 126, 127
_INIT = "[FATAL tini"


def failure(work: Work, code: int, state: Mapping[str, Any]) -> str | None:
    """Return in one line what was wrong around the task; None if it was the task's own doing.

    Args:
        work: the attempt.
        code: its exit code, not 0.
        state: `State` of the container, as the engine tells it.
    """
    if state.get("OOMKilled"):
        return _out_of_memory(work)
    line = last_meaningful_line(work.paths.log) or ""
    image = work.executor.image
    if _INIT in line and code in (_CANNOT_RUN, _NOT_FOUND):
        return f"image {image} cannot run '{work.argv[0]}': {_after_init(line)}"
    if match := _MISSING_MODULE.search(line):
        return (
            f"{line}: image {image} has no module '{match['module']}': add it to the project's "
            "requirements and build the image again"
        )
    return None


def _out_of_memory(work: Work) -> str:
    limit = work.executor.limits.memory
    task = work.task.display_name
    if limit is None:
        return f"'{task}' was killed: the machine is out of memory"
    return (
        f"'{task}' was killed: out of memory at its limit of {mebibytes(limit)}; raise "
        f"run_config.resources.{task}.memory"
    )


def _after_init(line: str) -> str:
    return line.partition("] ")[2] or line
