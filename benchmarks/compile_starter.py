"""`kedro vertexai compile` of the starter, to loading the same project and its pipelines."""

from __future__ import annotations

from benchmarks.measure import Result, interleaved, process_cpu, python, ratio, scratch
from benchmarks.projects import starter

_BARE = """\
from pathlib import Path
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
assert dict(pipelines)["__default__"].nodes
"""


def run() -> list[Result]:
    compile_ = python("-m", "kedro", "vertexai", "compile", "-o", "pipeline.yaml")
    with scratch() as directory:
        project = starter(directory)
        seconds = interleaved(
            {
                "compile": lambda: process_cpu(compile_, project),
                "bare": lambda: process_cpu(python("-c", _BARE), project),
            }
        )
    return [
        ratio("compile of the starter, to loading it", seconds["compile"], seconds["bare"], 1.5)
    ]
