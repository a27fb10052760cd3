"""The compiler proper, from the loaded project to the written file, on pipelines of any size."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from benchmarks.measure import ROUNDS, Result, finish, python, scratch
from benchmarks.projects import SHAPES, Generated

_SIZES = (10, 100, 1_000, 10_000)
_FORMATS = ("json", "yaml")


def run() -> list[Result]:
    results = []
    with scratch() as directory:
        for shape in SHAPES:
            seconds = {size: _compile(Generated(size, shape), directory) for size in _SIZES}
            for suffix in _FORMATS:
                results += _judge(f"{shape}, {suffix}", {s: seconds[s][suffix] for s in _SIZES})
    return results


def _compile(generated: Generated, directory: Path) -> dict[str, float]:
    """The median seconds of compiling into each format, in one process that has warmed up."""
    project = generated.write(directory)
    rounds = ROUNDS if generated.size < 10_000 else 3
    outputs = [f"pipeline.{suffix}" for suffix in _FORMATS]
    done = finish(
        python("-m", "benchmarks.compile_one", str(project), *outputs * (rounds + 1)),
        # Where this package is found.
        Path(__file__).parent.parent,
    )
    taken = json.loads(done.output.splitlines()[-1])[len(outputs) :]
    return {
        suffix: statistics.median(taken[index :: len(outputs)])
        for index, suffix in enumerate(_FORMATS)
    }


def _judge(name: str, seconds: dict[int, float]) -> list[Result]:
    per_node = {size: value / size for size, value in seconds.items()}
    small = ", ".join(f"{seconds[size]:.3f} s at {size}" for size in _SIZES[:2])
    return [
        Result(f"compiler, 1,000 nodes, {name}", seconds[1_000], "s", 1, small),
        Result(
            f"compiler, time per node at 10,000 to 1,000, {name}",
            per_node[10_000] / per_node[1_000],
            "x",
            1.3,
            f"{per_node[10_000] * 1e6:.0f} us to {per_node[1_000] * 1e6:.0f} us",
        ),
    ]
