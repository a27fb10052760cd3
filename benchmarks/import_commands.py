"""What our commands add to the start of every `kedro` command, ours or not."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.measure import ROUNDS, Result, finish, python

# Kedro loads the entry points of these groups whatever the command is.
_MEASURE = """\
import time
start = time.process_time()
import kedro.framework.cli.cli
middle = time.process_time()
from importlib.metadata import distribution
for entry_point in distribution("kedro-vertexai").entry_points:
    if entry_point.group in ("kedro.init", "kedro.project_commands", "kedro.global_commands"):
        entry_point.load()
print(middle - start, time.process_time() - middle)
"""


def run() -> list[Result]:
    shares = []
    for _ in range(2 * ROUNDS + 1):
        output = finish(python("-c", _MEASURE), Path.home()).output
        kedro, ours = map(float, output.split()[-2:])
        shares.append((ours / kedro, ours, kedro))
    share, ours, kedro = statistics.median_low(shares[1:])
    detail = f"{ours * 1000:.1f} ms to {kedro * 1000:.0f} ms"
    return [Result("importing our commands, to kedro's own CLI", 100 * share, "%", 10, detail)]
