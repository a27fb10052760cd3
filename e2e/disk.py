"""Disks of the tests' own: a file that is one, so that it has a size and is gone at once.

It is written without a journal and without barriers. Nothing on it is to survive the machine's
fall, and engines and package managers wait for all that they write to be on their disk.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """An empty disk, mounted at a directory to make. It takes the room of what is on it.

    Raises:
        CalledProcessError: it cannot be mounted here.
    """
    file = place.with_name(f"{place.name}.img")
    place.mkdir(parents=True)
    with file.open("wb") as disk:
        disk.truncate(megabytes * 1_000_000)
    try:
        options = ["-O", "^has_journal", "-E", "lazy_itable_init=1", "-m", "0"]
        _run("mkfs.ext4", "-q", "-F", *options, str(file))
        _run("mount", "-o", "loop,noatime,barrier=0", str(file), str(place))
        yield place
    finally:
        # Lazily: a process that has just been ended may hold it for a moment.
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
        file.unlink()
        place.rmdir()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
