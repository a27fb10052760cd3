"""Runs a command many times, each in a process of its own that may be killed at any moment.

    python submissions.py PROJECT TIMES COMMAND [OPTION ...]

Importing what a submission needs takes seconds, so that is done once and each one is a fork.
A line "start" is written before each; whoever reads it says how many seconds it may live, or -1
for as long as it likes, and what to add to the options, and then reads the exit code.
"""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Runs the command with more options for so many seconds, -1 for as long as it takes; returns the
# seconds it took.
Run = Callable[..., float]


def lifetimes(count: int, seed: int) -> list[float]:
    """When to kill, to the time that a command takes: at random moments between two that are sure.

    Nothing has begun at the first; by the last, a command is done on a machine that has become
    several times as slow.
    """
    chosen = random.Random(seed)
    return [0.0, *(chosen.uniform(0, 1.1) for _ in range(count - 2)), 5.0]


@contextmanager
def killable(project: Path, times: int, *command: str) -> Iterator[Run]:
    """A command that a test runs so many times and may kill at any moment.

    Args:
        project: the Kedro project.
        times: how often it will be run.
        command: of `kedro vertexai`, with the options that it always has.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, str(project), str(times), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        text=True,
    )
    said, told = process.stdout, process.stdin
    assert said
    assert told

    def run(seconds: float, *options: str) -> float:
        assert said.readline() == "start\n"
        begin = time.monotonic()
        told.write(f"{seconds} {shlex.join(options)}\n")
        told.flush()
        said.readline()
        passed = time.monotonic() - begin
        # A request that was sent may still be heard.
        time.sleep(0.05)
        return passed

    try:
        yield run
    finally:
        # Whoever waits for the next line finds the end of the file, and ends.
        process.communicate(timeout=60)


def main(project: Path, times: int, command: list[str]) -> None:
    # Kedro writes its log on standard output.
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    from google.cloud import aiplatform_v1  # noqa: F401
    from kedro.framework.startup import bootstrap_project

    from kedro_vertexai import run_vertex, schedule  # noqa: F401
    from kedro_vertexai.cli import commands

    os.chdir(project)
    metadata = bootstrap_project(project)
    for _ in range(times):
        print("start", file=said, flush=True)
        seconds, *more = shlex.split(sys.stdin.readline())
        child = os.fork()
        if not child:
            commands(["vertexai", *command, *more], obj=metadata)
        print(ended(child, float(seconds)), file=said, flush=True)


def ended(child: int, seconds: float) -> int:
    """The exit code of a process that is killed after so many seconds."""
    if seconds >= 0:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
