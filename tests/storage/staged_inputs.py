"""Raw inputs as a plan describes them, and a child process that stages them."""

from __future__ import annotations

import io
import itertools
import signal
import subprocess
import sys
from pathlib import Path

from kedro_vertexai.plan.model import StagedInput
from kedro_vertexai.staging import digest_of
from kedro_vertexai.transfer import PlainTransfer
from kedro_vertexai.upload import StagingReport, stage_inputs

_CHILD = """
import sys, time
from pathlib import Path

sys.path.insert(0, {here!r})
from staged_inputs import Hanging, described, staged

project, go = Path(sys.argv[1]), Path(sys.argv[1], "go")
inputs = [described(project, path) for path in sys.argv[4:]]
print("ready", flush=True)
while not go.exists():
    time.sleep(0.01)
print(staged(inputs, sys.argv[2], project, Hanging(int(sys.argv[3])))[0])
"""


class Hanging(PlainTransfer):
    """Says so on stdout once so many files have been sent, and sends no more; 0 sends all."""

    def __init__(self, limit: int) -> None:
        super().__init__(io.StringIO())
        self._limit = limit
        self._left = itertools.count(limit - 1, -1)

    def advance(self, count: int) -> None:
        left = next(self._left)
        if left == 0:
            print("hanging", flush=True)
        if self._limit and left <= 0:
            signal.pause()


def described(project: Path, path: str) -> StagedInput:
    source = project / path
    return StagedInput(f"input-{path}", path, path, digest_of(source), source.name)


def staged(
    inputs: list[StagedInput], root: str, project: Path, reporter: PlainTransfer | None = None
) -> tuple[StagingReport, str]:
    """Stage inputs; the report, and what was printed."""
    printed = io.StringIO()
    report = stage_inputs(inputs, root, project, reporter or PlainTransfer(printed))
    return report, printed.getvalue()


def staging_process(
    project: Path, root: str, *paths: str, hangs_after: int = 0
) -> subprocess.Popen[str]:
    """A process that stages these inputs once the file `go` is in the project; see `Hanging`."""
    script = _CHILD.format(here=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(project), root, str(hangs_after), *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def many_files(directory: Path, count: int, size: int = 100) -> dict[str, bytes]:
    """Write files of different content; their bytes by name."""
    directory.mkdir(parents=True)
    content = {f"{number:04}.bin": f"{number:0{size}}".encode() for number in range(count)}
    for name, data in content.items():
        (directory / name).write_bytes(data)
    return content
