"""Which files of packages no task reads: `python -m kedro_vertexai.runtime.unneeded_files`.

Every task of a job pulls the image to a new machine, and a fifth of what the large packages
bring is for others than those who run them: tests, MLflow's pages, sources in C, symbols for
debuggers, the same library under three names.

What can be imported stays, with one exception: clients of Arrow Flight's servers go where neither
the project asks for pyarrow by name nor another package mentions them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

from kedro_vertexai.runtime.unneeded_packages import name_of

_WITH_TESTS = (
    *("graphene", "huey", "kedro_datasets_experimental", "matplotlib", "mpl_toolkits", "numpy"),
    *("pandas", "pyarrow", "scipy", "skops", "sklearn"),
)
# These are read by nothing but Cython and compilers of C, which an image has none of. Not the
# headers of packages that compile while they run, as numba's and torch's do.
_WITH_SOURCES = ("fontTools", "pyarrow", "scipy", "sklearn")
_SOURCES = {".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyx"}
_WITH_STUBS = ("matplotlib", "mlflow", "numpy", "pandas")
_PAGES = "mlflow/server/js"
_LONGEST_LOAD = 60  # seconds that a library may take to be loaded


def remove_unneeded(site_packages: Path, asked_for: Collection[str]) -> None:
    """Remove what no task reads.

    Args:
        site_packages: the directory of the packages.
        asked_for: names of the packages that the project itself names.
    """
    for path in chain(_whole_folders(site_packages), _single_files(site_packages)):
        _remove(path)
    if "pyarrow" not in asked_for and not _flight_is_mentioned(site_packages):
        for path in (site_packages / "pyarrow").glob("*flight*"):
            _remove(path)
    _link_copies(site_packages)
    if shutil.which("strip"):
        for library in _libraries(site_packages):
            _strip(library)


def _whole_folders(site_packages: Path) -> list[Path]:
    tests = [path for name in _WITH_TESTS for path in (site_packages / name).rglob("tests")]
    return [*tests, site_packages / _PAGES]


def _single_files(site_packages: Path) -> Iterator[Path]:
    for names, suffixes in ((_WITH_SOURCES, _SOURCES), (_WITH_STUBS, {".pyi"})):
        for name in names:
            files = list((site_packages / name).rglob("*.*"))
            yield from (path for path in files if path.suffix in suffixes)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flight_is_mentioned(site_packages: Path) -> bool:
    for path in site_packages.rglob("*.py"):
        # This very file mentions them, too.
        package = path.relative_to(site_packages).parts[0]
        if package not in {"pyarrow", "kedro_vertexai"} and path.is_file():
            text = path.read_bytes()
            if b"pyarrow" in text and b"flight" in text:
                return True
    return False


def _libraries(site_packages: Path) -> list[Path]:
    """Shared libraries and extension modules."""
    found = chain(site_packages.rglob("*.so"), site_packages.rglob("*.so.*"))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _strip(library: Path) -> None:
    """Take out symbols that only a debugger reads, if the library can be loaded without them.

    Wheels' libraries have been edited after they were linked, which not all bear together.
    """
    # Beside it, for a library looks there for others.
    stripped = library.with_name(f"stripped-{library.name}")
    command = ["strip", "--strip-unneeded", "-o", str(stripped), str(library)]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode == 0 and _is_worth_it(library, stripped) and _loads(stripped):
            shutil.copymode(library, stripped)
            stripped.replace(library)
    finally:
        stripped.unlink(missing_ok=True)


def _is_worth_it(library: Path, stripped: Path) -> bool:
    """Whether a twentieth is won: without symbols there is nothing to win, and strip adds some."""
    return stripped.stat().st_size < 0.95 * library.stat().st_size


def _loads(library: Path) -> bool:
    """Whether it can be loaded: a damaged one may kill the process, or never return."""
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", load, str(library)],
            check=False,
            capture_output=True,
            timeout=_LONGEST_LOAD,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _link_copies(site_packages: Path) -> None:
    """Wheels hold no links: a library of three names is there three times."""
    alike: defaultdict[tuple[Path, str, int], list[Path]] = defaultdict(list)
    for path in sorted(_libraries(site_packages)):
        alike[path.parent, path.name.partition(".so")[0], path.stat().st_size].append(path)
    for first, *others in alike.values():
        for other in others:
            if other.read_bytes() == first.read_bytes():
                other.unlink()
                other.symlink_to(first.name)


def main(argv: list[str]) -> None:
    """Remove them from this interpreter's packages, given the path of pip's report."""
    (path,) = argv
    items = json.loads(Path(path).read_text(encoding="utf-8"))["install"]
    asked_for = {name_of(item) for item in items if item["requested"]}
    remove_unneeded(Path(sysconfig.get_path("purelib")), asked_for)


if __name__ == "__main__":
    main(sys.argv[1:])
