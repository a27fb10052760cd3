"""Directories and large files between an artifact and a dataset's place, to `cp -r` and `cp`."""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import ROUNDS, Result, ratio, scratch
from kedro_vertexai.runtime.files import copy_in, copy_out

_FILES = 2_000
_SMALLEST, _LARGEST = 1_000, 20_000  # bytes
_GIGABYTE = 1_000_000_000
_MEMORY = Path("/dev/shm")
_LIMIT = 1.5


def run() -> list[Result]:
    with _quiet_place() as small, scratch() as large:
        return [*_small_files(Path(small)), *_large_file(large)]


def _quiet_place() -> AbstractContextManager[str]:
    """Memory, if enough of it is there as a disk: a real disk would be what is measured.

    On ext4 the same `cp -r` took up to four times as long, for want of inodes that were not
    freed just now.
    """
    is_enough = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _GIGABYTE
    return TemporaryDirectory(dir=_MEMORY if is_enough else None)


def _small_files(directory: Path) -> list[Result]:
    source = directory / "source"
    _write_files(source)
    metadata = copy_out(source, directory / "first", "parts")
    seconds = _taken(
        {
            "cp": lambda target: _run(["cp", "-r", str(source), str(target)]),
            "in": lambda target: copy_in(source, target, "parts", metadata),
            "out": lambda target: copy_out(source, target, "parts"),
        },
        directory,
        ROUNDS,
    )
    results = []
    for kind, unit in enumerate(("clock", "processor time")):
        for name in ("in", "out"):
            subject = f"{_FILES:,} small files copied {name}, to cp -r, {unit}"
            results.append(ratio(subject, seconds[name][kind], seconds["cp"][kind], _LIMIT))
    return results


def _large_file(directory: Path) -> list[Result]:
    source = directory / "large"
    with source.open("wb") as stream:
        block = random.Random(0).randbytes(10_000_000)
        for _ in range(_GIGABYTE // len(block)):
            stream.write(block)
    seconds = _taken(
        {
            "cp": lambda target: _run(["cp", str(source), str(target)]),
            "in": lambda target: copy_in(source, target, "large"),
        },
        directory,
        min(ROUNDS, 3),
    )
    ours, theirs = seconds["in"][0], seconds["cp"][0]
    detail = f"{ours:.2f} s to {theirs:.2f} s"
    return [Result("1 GB in one file copied in, to cp, clock", ours / theirs, "x", None, detail)]


def _write_files(directory: Path) -> None:
    generator = random.Random(0)
    for number in range(_FILES):
        file = directory / f"{number % 20}" / f"part-{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(generator.randbytes(generator.randint(_SMALLEST, _LARGEST)))


def _taken(
    subjects: dict[str, Callable[[Path], object]], directory: Path, rounds: int
) -> dict[str, tuple[float, float]]:
    """Medians of seconds by the clock and of the processor, in turns, one round to warm up.

    Each copies to a new place, with nothing of the one before still to be written; nothing is
    deleted before the end.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    with TemporaryDirectory(dir=directory) as place:
        for number in range(rounds + 1):
            for name, copy in subjects.items():
                os.sync()
                clock, cpu = time.perf_counter(), _cpu()
                copy(Path(place, f"{name}-{number}"))
                if number:
                    taken[name].append((time.perf_counter() - clock, _cpu() - cpu))
    return {
        name: (
            statistics.median(clock for clock, _ in values),
            statistics.median(cpu for _, cpu in values),
        )
        for name, values in taken.items()
    }


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True)


def _cpu() -> float:
    """Seconds of the processor that this process and its children have had."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
