"""The starter's whole run on this machine, a process for each task, to plain `kedro run`."""

from __future__ import annotations

from benchmarks.measure import ROUNDS, Result, interleaved, process_cpu, python, ratio, scratch
from benchmarks.projects import starter


def run() -> list[Result]:
    kedro = python("-m", "kedro")
    with scratch() as directory:
        project = starter(directory)
        seconds = interleaved(
            {
                "ours": lambda: process_cpu(
                    [*kedro, "vertexai", "run-once", "--target", "local"], project
                ),
                "kedro": lambda: process_cpu([*kedro, "run"], project),
            },
            rounds=min(ROUNDS, 3),
        )
    return [ratio("local run of the starter, to kedro run", seconds["ours"], seconds["kedro"], 2.5)]
