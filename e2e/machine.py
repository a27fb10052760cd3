"""Whether the end-to-end tests can run on this machine; `python e2e/machine.py` says why not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from disk import new_disk

_NEEDED = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "setpriv": "util-linux",
    "mount": "mount",
}
"""Programs, and the Debian packages that have them."""


def reasons_against() -> list[str]:
    """What keeps the tests from running here, one line each; nothing is changed to find out."""
    if sys.platform != "linux":
        return [f"containers of Linux need Linux, and this is {sys.platform}"]
    if os.geteuid() != 0:
        return ["a Docker engine and a network of the tests' own need root"]
    missing = sorted({package for name, package in _NEEDED.items() if not shutil.which(name)})
    if missing:
        return [f"not installed: {', '.join(missing)} (scripts/install-docker.sh)"]
    return [*_wrong_python(), *_without_rights()]


def _wrong_python() -> list[str]:
    """Objects travel as pickles: base image and environment need one version of Python."""
    debian = shutil.which("python3", path="/usr/bin")
    if debian is None:
        return ["the base image has this system's Python, and there is none in /usr/bin"]
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([debian, "-c", program], capture_output=True, text=True, check=True)
    theirs, ours = done.stdout.strip(), "{}.{}".format(*sys.version_info)
    if theirs == ours:
        return []
    return [f"the base image would have Python {theirs}, and this environment has {ours}"]


def _without_rights() -> list[str]:
    """Root in a container may be less than root."""
    try:
        with tempfile.TemporaryDirectory() as place, new_disk(Path(place) / "disk", megabytes=10):
            pass
    except subprocess.CalledProcessError as error:
        return [f"root may not mount here: {error.stderr.decode().strip()}"]
    if not Path("/sys/fs/cgroup").is_dir():
        return ["there are no control groups (/sys/fs/cgroup)"]
    return []


if __name__ == "__main__":
    found = reasons_against()
    for reason in found:
        print(f"the end-to-end tests cannot run here: {reason}", file=sys.stderr)
    sys.exit(bool(found))
