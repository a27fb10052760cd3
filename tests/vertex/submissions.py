"""Submits a project many times, each in a process of its own that may be killed at any moment.

    python submissions.py PROJECT TIMES

Importing what a submission needs takes seconds, so that is done once and each one is a fork.
A line "start" is written before each; whoever reads it says how many seconds it may live, or -1
for as long as it likes, and then reads the exit code.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def main(project: Path, times: int) -> None:
    # Kedro writes its log on standard output.
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    from google.cloud import aiplatform_v1  # noqa: F401
    from kedro.framework.startup import bootstrap_project

    from kedro_vertexai import run_vertex  # noqa: F401
    from kedro_vertexai.cli import commands

    os.chdir(project)
    metadata = bootstrap_project(project)
    for _ in range(times):
        print("start", file=said, flush=True)
        seconds = float(sys.stdin.readline())
        child = os.fork()
        if not child:
            commands(["vertexai", "run-once"], obj=metadata)
        print(ended(child, seconds), file=said, flush=True)


def ended(child: int, seconds: float) -> int:
    """The exit code of a process that is killed after so many seconds."""
    if seconds >= 0:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
