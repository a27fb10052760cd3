"""Compile one project in this process: `python -m benchmarks.compile_one PROJECT OUTPUT...`.

Prints, as JSON, the seconds of processor time from the loaded project to each written file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from kedro_vertexai.compiler import Request, compile_project, spec_for_vertex
from kedro_vertexai.spec.write import write_spec


def main(project: Path, outputs: list[str]) -> None:
    bootstrap_project(project)
    # Kedro keeps what it has loaded: compiling does not load the pipelines again.
    assert dict(pipelines)
    seconds = []
    for output in outputs:
        start = time.process_time()
        compiled = compile_project(Request(project, "local"))
        write_spec(spec_for_vertex(compiled), project / output)
        seconds.append(time.process_time() - start)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
