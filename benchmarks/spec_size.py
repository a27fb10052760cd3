"""How large a spec is: many tasks, and few tasks with large parameters."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Result, process_cpu, python, scratch
from benchmarks.projects import Generated

_MEGABYTE = 1e6


# As many parameters as tasks, each of so many bytes: together 2 MB.
_LARGE = 20_000


def run() -> list[Result]:
    subjects = {
        f"1,000 tasks, {shape}, {'tracked' if tracked else 'not tracked'}": (
            Generated(1_000, shape, tracked),
            0.7,
        )
        for shape in ("chain", "layered")
        for tracked in (False, True)
    }
    for name, reads in (("its own", "params:part_{index:05}"), ("all", "parameters")):
        generated = Generated(100, parameter_bytes=_LARGE, reads=reads)
        subjects[f"100 tasks, 2 MB of parameters, each reads {name}"] = (generated, 3.0)
    with scratch() as directory:
        return [
            Result(f"JSON of {name}", _size(generated, directory), "MB", limit)
            for name, (generated, limit) in subjects.items()
        ]


def _size(generated: Generated, directory: Path) -> float:
    project = generated.write(directory)
    process_cpu(
        python("-m", "benchmarks.compile_one", str(project), "pipeline.json"),
        Path(__file__).parent.parent,
    )
    return (project / "pipeline.json").stat().st_size / _MEGABYTE
