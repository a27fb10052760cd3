"""Object artifacts, to the peer's format, to a plain pickle, and to the bare bytes.

By the clock, unlike the other benchmarks, because compression runs in threads beside the
pickling: the processor time is printed beside it. Every file is written anew, as a task does.
"""

from __future__ import annotations

import bz2
import pickle
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from benchmarks.measure import ROUNDS, Result, finish, python, scratch
from kedro_vertexai.runtime.objects import load_object, save_object

_ROWS = 2_200_000
_GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Format:
    """A way to write an object to a path and to read it."""

    save: Callable[[Any, Path], Any]
    load: Callable[[Path], Any]


@dataclass(frozen=True)
class Taken:
    """Medians of the seconds by the clock, and of the processor; the bytes of the file."""

    save: float
    load: float
    save_cpu: float
    load_cpu: float
    size: int

    @property
    def both(self) -> float:
        return self.save + self.load


def run() -> list[Result]:
    with scratch() as directory:
        results = _frame("str", "frame", directory, limit=1.3)
        results += _frame("object", "frame of Python strings", directory, limit=1.3)
        return results + _array(directory) + _memory(directory)


def _frame(strings: str, name: str, directory: Path, limit: float) -> list[Result]:
    """200 MB of floats and strings, with pandas' own strings or with Python's."""
    frame = frame_of(strings)
    rounds = max(ROUNDS, 9) if strings == "str" else ROUNDS
    taken = _interleaved(frame, {"ours": _OURS, "plain": _PICKLE}, directory, rounds)
    ours, plain = taken["ours"], taken["plain"]
    results = [
        *_compare(name, "plain pickle", ours, plain, limit),
        Result(
            f"{name}: size, to plain pickle",
            ours.size / plain.size,
            "x",
            1.0,
            f"{ours.size / 1e6:.1f} MB to {plain.size / 1e6:.1f} MB",
        ),
    ]
    # The peer's takes half a minute and its spread does not matter: once, without a warm-up.
    peer = _interleaved(frame, {"peer": _PEER}, directory, 1, warm_up=False)["peer"]
    times = peer.both / ours.both
    detail = f"{times:.0f} times faster: {ours.both:.2f} s to {peer.both:.1f} s"
    # At least 25 times faster, as a share; Python's own strings are slow to pickle in any format.
    most = 1 / 25 if strings == "str" else None
    results.append(Result(f"{name}: save and load, to bz2", 1 / times, "x", most, detail))
    return results


def _array(directory: Path) -> list[Result]:
    array = np.random.default_rng(0).random(_GIGABYTE // 8)
    taken = _interleaved(array, {"ours": _OURS, "bytes": _BYTES}, directory, ROUNDS)
    ours, bare = taken["ours"], taken["bytes"]
    return _compare("1 GB array", "its bytes", ours, bare, 1.2)


def _memory(directory: Path) -> list[Result]:
    """The most memory that a process had, to the array, less what an idle one has."""
    path = directory / "array"
    argv = python("-m", "benchmarks.object_artifacts")
    root = Path(__file__).parents[1]
    peaks = {
        step: float(finish([*argv, step, str(path)], root).output) for step in ("save", "load")
    }
    idle = float(finish([*argv, "idle", str(path)], root).output)
    return [
        Result(
            f"1 GB array: peak memory, {step}",
            (peak - idle) / _GIGABYTE,
            "x",
            1.2,
            f"{peak / 1e6:.0f} MB, {idle / 1e6:.0f} MB of them before the array",
        )
        for step, peak in peaks.items()
    ]


def frame_of(strings: str) -> pd.DataFrame:
    """Six columns of random floats; a name of 50,000 and a town of six in each row."""
    random = np.random.default_rng(0)
    names = np.array([f"customer-{number:06d}" for number in range(50_000)])
    towns = np.array(["Amsterdam", "Berlin", "Cairo", "Delhi", "Edinburgh", "Fortaleza"])
    columns: dict[str, Any] = {f"share_{k}": random.normal(size=_ROWS) for k in range(6)}
    columns["name"] = pd.Series(names[random.integers(0, len(names), _ROWS)], dtype=strings)
    columns["town"] = pd.Series(towns[random.integers(0, len(towns), _ROWS)], dtype=strings)
    return pd.DataFrame(columns)


def _interleaved(
    value: Any, formats: dict[str, Format], directory: Path, rounds: int, *, warm_up: bool = True
) -> dict[str, Taken]:
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in formats}
    sizes = {}
    for number in range(rounds + warm_up):
        for name, format_ in formats.items():
            path = directory / name
            # Replacing a file would make some file systems wait for the disk.
            path.unlink(missing_ok=True)
            save, save_cpu = _timed(lambda f=format_, p=path: f.save(value, p))
            sizes[name] = path.stat().st_size
            load, load_cpu = _timed(lambda f=format_, p=path: f.load(p))
            if number >= warm_up:
                times[name].append((save, load, save_cpu, load_cpu))
            path.unlink()
    return {
        name: Taken(
            *(statistics.median(column) for column in zip(*taken, strict=True)), sizes[name]
        )
        for name, taken in times.items()
    }


def _timed(act: Callable[[], Any]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    # What is loaded is let go within the time, on all sides.
    act()
    return time.perf_counter() - clock, time.process_time() - processor


def _compare(subject: str, reference: str, ours: Taken, other: Taken, limit: float) -> list[Result]:
    def result(step: str, cpu: str = "") -> Result:
        mine, its = getattr(ours, step), getattr(other, step)
        detail = f"{1000 * mine:.0f} ms to {1000 * its:.0f} ms"
        if cpu:
            detail += (
                f", processor {1000 * getattr(ours, cpu):.0f} to {1000 * getattr(other, cpu):.0f}"
            )
        return Result(f"{subject}: {step}, to {reference}", mine / its, "x", limit, detail)

    return [result("save", "save_cpu"), result("load", "load_cpu"), result("both")]


def _save_pickle(value: Any, path: Path) -> None:
    with path.open("wb") as stream:
        pickle.dump(value, stream, protocol=5)


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as stream:
        return pickle.load(stream)


def _save_peer(value: Any, path: Path) -> None:
    with bz2.open(path, "wb") as stream:
        cloudpickle.dump(value, stream)


def _load_peer(path: Path) -> Any:
    with bz2.open(path, "rb") as stream:
        return cloudpickle.load(stream)


def _save_bytes(array: Any, path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(array.data)


def _load_bytes(path: Path) -> bytearray:
    data = bytearray(path.stat().st_size)
    with path.open("rb", buffering=0) as stream:
        stream.readinto(data)
    return data


_OURS = Format(save_object, load_object)
_PICKLE = Format(_save_pickle, _load_pickle)
_PEER = Format(_save_peer, _load_peer)
_BYTES = Format(_save_bytes, _load_bytes)


def _print_peak(step: str, path: Path) -> None:
    """Do one step in this process, and print the most bytes that it had in memory.

    As the kernel tells it of this program alone: `ru_maxrss` starts with that of the parent.
    """
    if step == "save":
        save_object(np.random.default_rng(0).random(_GIGABYTE // 8), path)
    elif step == "load":
        load_object(path)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(1024 * int(status.split("VmHWM:")[1].split()[0]))


if __name__ == "__main__":
    _print_peak(sys.argv[1], Path(sys.argv[2]))
