"""An image with Python in it, made of this machine's own files: nothing is pulled.

It holds the interpreter of this environment and the distributions that a test asks for, each
at its own path, with the shared libraries that they name and a few programs of the system.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path

import docker

REPOSITORY = Path(__file__).parents[2]
USER = 1000
PURELIB = sysconfig.get_path("purelib")
_PROGRAMS = ("sh", "sleep", "chown", "id", "ls")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*")
_MARKED_EXTRA = re.compile(r";.*\bextra\b")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_ETC = {
    "etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nkedro:x:{USER}:{USER}::/home/kedro:/bin/sh\n",
    "etc/group": f"root:x:0:\nkedro:x:{USER}:\n",
}
_DIRECTORY = tempfile.TemporaryDirectory(prefix="kvt-images-")
_LEFT_OUT = ("__pycache__", "tests", "test", "idlelib", "ensurepip", "site-packages")


def python_image(client: docker.DockerClient, name: str, *distributions: str) -> str:
    """Make an image whose user is no root, unless there is one of that content; its name.

    Args:
        client: of the engine.
        name: of the repository.
        distributions: installed here, and in the image with all that they require.
    """
    wanted = sorted(closure(distributions))
    tag = hashlib.sha256("\n".join([sys.version, _version(), *wanted]).encode()).hexdigest()[:16]
    reference = f"{name}:{tag}"
    if not client.images.list(reference):
        imported = client.api.import_image_from_file(
            str(archive(tuple(wanted))),
            repository=name,
            tag=tag,
            changes=[
                f"ENV PATH={Path(sys.base_prefix, 'bin')}:/usr/bin:/bin",
                "ENV HOME=/home/kedro",
                f"ENV PYTHONPATH={PURELIB}",
                "WORKDIR /home/kedro/project",
                f"USER {USER}",
            ],
        )
        assert "error" not in imported, imported
    return reference


def _version() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def closure(names: Iterable[str]) -> set[str]:
    """The distributions that these require, themselves included, as far as they are installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        for requirement in requires:
            match = _REQUIREMENT.match(requirement)
            if match and not _MARKED_EXTRA.search(requirement):
                waiting.append(match.group())
    return found


@functools.cache
def archive(distributions: tuple[str, ...]) -> Path:
    """The image's files as a tar archive; it is there as long as this process."""
    files = dict.fromkeys(_files(distributions))
    binaries = [path for path in files if _is_binary(path)]
    for library in _libraries(binaries):
        files[library] = None
    file = Path(_DIRECTORY.name, f"{abs(hash(distributions))}.tar")
    with tarfile.open(file, mode="w") as tar:
        places = ("tmp", "home/kedro", "home/kedro/project")
        for place in places:
            _add_directory(tar, place, 0o1777 if place == "tmp" else 0o755)
        for name, text in _ETC.items():
            _add_bytes(tar, name, text.encode())
        # An archive that names a directory twice is refused.
        parents = set(places)
        for path in files:
            _add_parents(tar, path, parents)
            tar.add(path.resolve(), str(path).lstrip("/"), filter=_readable)
        bin_ = Path(sys.base_prefix, "bin")
        python = Path(sys.executable).resolve()
        for alias in ("python", "python3"):
            _add_parents(tar, bin_ / alias, parents)
            entry = tarfile.TarInfo(str(bin_ / alias).lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, str(python)
            if str(bin_ / alias) != str(python):
                tar.addfile(entry)
    return file


def _files(distributions: Iterable[str]) -> Iterator[Path]:
    python = Path(sys.executable).resolve()
    yield python
    for name in _PROGRAMS:
        yield Path("/bin", name)
    for key in ("stdlib", "platstdlib"):
        for path in Path(sysconfig.get_path(key, vars={"base": sys.base_prefix})).rglob("*"):
            if path.is_file() and not set(_LEFT_OUT) & set(path.parts):
                yield from _with_byte_code(path)
    for name in distributions:
        for file in distribution(name).files or ():
            path = Path(str(file.locate()))
            if path.is_file() and ".." not in file.parts and "__pycache__" not in path.parts:
                yield from _with_byte_code(path)


def _with_byte_code(path: Path) -> Iterator[Path]:
    """Without it, a container compiles all that it imports."""
    yield path
    if path.suffix == ".py" and (compiled := Path(cache_from_source(path))).exists():
        yield compiled


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    """Shared libraries of the system that these need, the loader included."""
    told = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    for line in told.splitlines():
        if match := _LIBRARY.search(line):
            # Those of wheels are told as lib/package/../package.libs/lib.so.
            yield Path(os.path.normpath(match[1]))


def _readable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.mode |= 0o444 | (0o111 if entry.mode & 0o100 else 0)
    return entry


def _add_parents(tar: tarfile.TarFile, path: Path, known: set[str]) -> None:
    """A private directory of this machine, such as /root, is everybody's in the image."""
    for parent in reversed(path.parents):
        name = str(parent).lstrip("/")
        if name and name not in known:
            known.add(name)
            _add_directory(tar, name, 0o755)


def _add_directory(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    if name.startswith("home/kedro"):
        entry.uid = entry.gid = USER
    tar.addfile(entry)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))
