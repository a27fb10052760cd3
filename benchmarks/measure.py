"""Processor time of processes and functions, compared within one run.

Only processor time is counted, never the clock, and only ratios are judged where there is
something to compare with: both sides take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# Rounds per measurement; the medians are compared.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))


@dataclass(frozen=True)
class Result:
    """One line of the table: a number, and the most that it may be (None: for information)."""

    subject: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def is_met(self) -> bool:
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True)
class Finished:
    """A command that has ended well.

    Args:
        output: what it printed.
        cpu: seconds that it and everything it started spent, in user mode and in the system.
    """

    output: str
    cpu: float


def finish(argv: Sequence[str], directory: Path) -> Finished:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the message ends with what it printed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        argv,
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        printed = (done.stdout + done.stderr)[-4000:]
        raise RuntimeError(f"{' '.join(argv)[:200]} failed:\n{printed}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Finished(done.stdout, cpu)


def process_cpu(argv: Sequence[str], directory: Path) -> float:
    """Seconds of processor time that a command and everything it starts take."""
    return finish(argv, directory).cpu


def interleaved(
    subjects: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, float]:
    """The median of each measurement, all taken in turn, after one round that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, measure in subjects.items():
            seconds = measure()
            if number:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def ratio(subject: str, ours: float, reference: float, limit: float) -> Result:
    """Our seconds over the reference's."""
    return Result(subject, ours / reference, "x", limit, f"{ours:.2f} s to {reference:.2f} s")


def python(*arguments: str) -> list[str]:
    """This interpreter with arguments."""
    return [sys.executable, *arguments]


def environment() -> dict[str, str]:
    """This environment, byte code allowed and telemetry off for every side alike."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONDONTWRITEBYTECODE", "KEDRO_ENV")
        and not name.startswith(("MLFLOW_", "KEDRO_VERTEXAI_"))
    }
    return kept | {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "true"}


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    with TemporaryDirectory(prefix="kedro-vertexai-bench-") as directory:
        yield Path(directory).resolve()


def table(results: Sequence[Result]) -> str:
    """The results as text, one line each, with the limit beside each number."""
    rows = [("", "measured", "limit", "", "")]
    for result in results:
        unit = result.unit if result.unit == "x" else f" {result.unit}"
        limit = "" if result.limit is None else f"{result.limit:g}{unit}"
        verdict = "" if result.limit is None else "met" if result.is_met else "MISSED"
        rows.append((result.subject, f"{result.value:.2f}{unit}", limit, verdict, result.detail))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for subject, measured, limit, verdict, detail in rows:
        left = f"{subject:<{widths[0]}}  {measured:>{widths[1]}}  {limit:>{widths[2]}}"
        lines.append(f"{left}  {verdict:<{widths[3]}}  {detail}".rstrip())
    return "\n".join(lines)
