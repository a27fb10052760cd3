"""An object artifact needs the memory of its object and little more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells the most memory of a program"
)

_MEGABYTE = 1_000_000
_SIZE = 300

_START = """\
import sys
from pathlib import Path
import numpy as np
import cloudpickle
from kedro_vertexai.runtime.objects import load_object, save_object

def most():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0]) / 1e6

def numbers(megabytes):
    return np.random.default_rng(0).integers(0, 1000, megabytes * 125_000)

path = Path(sys.argv[1])
before = most()
"""


def growth(code: str, path: Path) -> float:
    """Megabytes by which a process grew at most while it ran the code."""
    script = f"{_START}{code}\nprint(most() - before)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def test_an_array_is_saved_and_loaded_in_its_own_memory(tmp_path: Path) -> None:
    path = tmp_path / "object"
    assert growth(f"save_object(numbers({_SIZE}), path)", path) < 1.2 * _SIZE
    assert growth("value = load_object(path)", path) < 1.2 * _SIZE


def test_a_generator_needs_the_memory_of_an_item(tmp_path: Path) -> None:
    path = tmp_path / "object"
    item = _SIZE // 10
    # Two items, for the next is made while the last is still named, and 60 MB of blocks.
    limit = 2 * item + 60
    assert growth(f"save_object((numbers({item}) for _ in range(20)), path)", path) < limit
    assert growth("for item in load_object(path): pass", path) < limit


def test_a_large_text_is_loaded_without_its_pickle_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "object"
    growth(f"save_object([bytes([n]) * {_MEGABYTE} for n in range(200)], path)", path)
    assert growth("value = load_object(path)", path) < 200 + 60
