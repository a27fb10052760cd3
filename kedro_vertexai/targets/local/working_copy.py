"""Copies of the project, one for each task, as the image would hold it.

A task that works here therefore works on a machine that shares no disk with the others.
"""

import compileall
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

from kedro_vertexai.copying import copy_path
from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.layout import ROOT

LARGE = 200 * 1024 * 1024
"""Bytes above which a copy for every task deserves a warning."""

# Never in an image, whatever .dockerignore says.
_NEVER = frozenset({".git", ROOT})
_NEVER_AT_TOP = frozenset({"data"})
# Left out where there is no .dockerignore.
_CACHES = frozenset(
    {
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
        "node_modules",
    }
)
_BY_PRODUCTS_AT_TOP = frozenset({"logs", "mlruns", "dist", "build"})


@dataclass(frozen=True)
class _Exclusion:
    """What stays out of a copy."""

    covers: Callable[[PurePosixPath], bool]
    has_exceptions: bool = False
    """Whether something inside an excluded directory may be taken back (`!pattern`)."""


@dataclass
class _Contents:
    """What of a project goes into a copy; paths are relative to the project."""

    directories: list[PurePosixPath] = field(default_factory=list)
    files: list[PurePosixPath] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    """Bytes by top-level entry."""


def make_image(project_path: Path, image: Path, warn: Callable[[str], None]) -> None:
    """Copy the project once, without what no image holds.

    Byte code is compiled here, once, instead of in every task.

    Args:
        project_path: the user's project; nothing in it changes.
        image: directory to make.
        warn: called with one line if the copy is large or `.dockerignore` cannot be used.

    Raises:
        RunError: if a file cannot be copied.
    """
    project_path = project_path.resolve()
    contents = _scan(project_path, _exclusion(project_path, warn))
    _warn_if_large(contents, warn)
    try:
        image.mkdir(parents=True)
        _copy(project_path, image, contents)
        _recreate_directories(project_path / "data", image / "data")
    except OSError as error:
        raise RunError(
            f"cannot copy {error.filename} for the tasks: {error.strerror}; "
            "leave it out with a line in .dockerignore"
        ) from error
    if (image / "src").is_dir():
        compileall.compile_dir(image / "src", quiet=2)


def add_to_image(project_path: Path, image: Path, paths: Iterable[str]) -> None:
    """Copy what the image holds though it is data; what lies elsewhere is found there anyway.

    Raises:
        RunError: if something is not there or cannot be copied.
    """
    for path in paths:
        if Path(path).is_absolute():
            continue
        try:
            copy_path(project_path / path, image / path)
        except OSError as error:
            raise RunError(
                f"cannot copy {path} for the tasks, which staging: image says is in the image: "
                f"{error.strerror}"
            ) from error


def copy_image(surroundings: Path, target: Path) -> None:
    """Make the working copy of one task, in a directory of its own with what lies beside it."""
    shutil.copytree(surroundings, target, symlinks=True)


def remove(directory: Path) -> None:
    """Remove a directory with everything in it; what cannot be removed only costs disk space."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        # A task may have made directories read-only.
        for path, _, _ in os.walk(directory):
            with suppress(OSError):
                Path(path).chmod(stat.S_IRWXU)
        shutil.rmtree(directory, ignore_errors=True)


def _exclusion(project_path: Path, warn: Callable[[str], None]) -> _Exclusion:
    """Return what `.dockerignore` leaves out, or what is left out by custom without one."""
    dockerignore = project_path / ".dockerignore"
    if not dockerignore.is_file():
        return _Exclusion(_is_by_product)
    try:
        from docker.utils.build import PatternMatcher
    except ImportError:
        warn(".dockerignore is not applied to the tasks' copies: pip install docker")
        return _Exclusion(_is_by_product)
    lines = [line.strip() for line in dockerignore.read_text(encoding="utf-8").splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    matches = cast("Callable[[str], bool]", PatternMatcher(patterns).matches)
    return _Exclusion(
        covers=lambda path: matches(str(path)),
        has_exceptions=any(pattern.startswith("!") for pattern in patterns),
    )


def _is_by_product(path: PurePosixPath) -> bool:
    if path.name in _CACHES or path.name.endswith(".egg-info"):
        return True
    at_top = len(path.parts) == 1
    return at_top and (path.name in _BY_PRODUCTS_AT_TOP or path.name.startswith("mlflow.db"))


def _scan(project_path: Path, exclusion: _Exclusion) -> _Contents:
    contents = _Contents()
    for path, entry in _walk(project_path, PurePosixPath(), exclusion):
        if _is_directory(entry, project_path):
            contents.directories.append(path)
        elif entry.is_symlink() or entry.is_file():
            contents.files.append(path)
            contents.sizes[path.parts[0]] += entry.stat(follow_symlinks=False).st_size
    return contents


def _walk(
    project_path: Path, relative: PurePosixPath, exclusion: _Exclusion
) -> Iterator[tuple[PurePosixPath, os.DirEntry[str]]]:
    with os.scandir(project_path / relative) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = relative / entry.name
        is_directory = _is_directory(entry, project_path)
        if _is_never_copied(path, entry, is_directory):
            continue
        is_excluded = exclusion.covers(path)
        if not is_excluded:
            yield path, entry
        if is_directory and (exclusion.has_exceptions or not is_excluded):
            yield from _walk(project_path, path, exclusion)


def _is_never_copied(path: PurePosixPath, entry: os.DirEntry[str], is_directory: bool) -> bool:
    at_top = len(path.parts) == 1
    if path.name in _NEVER or (at_top and path.name in _NEVER_AT_TOP):
        return True
    return is_directory and Path(entry.path, "pyvenv.cfg").is_file()


def _is_directory(entry: os.DirEntry[str], project_path: Path) -> bool:
    """Return whether the copy has a directory here; a link within the project stays a link."""
    if entry.is_symlink():
        return entry.is_dir() and not _points_inside(entry.path, project_path)
    return entry.is_dir()


def _points_inside(link: str, project_path: Path) -> bool:
    return Path(os.path.realpath(link)).is_relative_to(project_path)


def _warn_if_large(contents: _Contents, warn: Callable[[str], None]) -> None:
    total = sum(contents.sizes.values())
    if total > LARGE:
        largest, size = contents.sizes.most_common(1)[0]
        warn(
            f"every task gets a copy of {total / 2**20:,.0f} MB of this project; the largest part "
            f"is '{largest}' ({size / 2**20:,.0f} MB): leave out what no task needs "
            "with a .dockerignore"
        )


def _copy(project_path: Path, image: Path, contents: _Contents) -> None:
    for directory in contents.directories:
        (image / directory).mkdir(parents=True, exist_ok=True)
    for path in contents.files:
        source, target = project_path / path, image / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and _stays_link(source, project_path):
            target.symlink_to(_link_target(source, project_path))
        else:
            shutil.copy2(source, target)


def _stays_link(source: Path, project_path: Path) -> bool:
    return not source.exists() or _points_inside(str(source), project_path)


def _link_target(source: Path, project_path: Path) -> str:
    """Return a link's target so that, in the copy, it does not lead back into the project."""
    target = source.readlink()
    if target.is_absolute() and _points_inside(str(source), project_path):
        return os.path.relpath(source.resolve(), source.parent.resolve())
    return str(target)


def _recreate_directories(source: Path, target: Path) -> None:
    """Make the same directories without the files: datasets write into existing folders."""
    if source.is_dir():
        target.mkdir(exist_ok=True)
    for directory, names, _ in os.walk(source):
        relative = os.path.relpath(directory, source)
        for name in _kept(directory, names):
            (target / relative / name).mkdir(parents=True, exist_ok=True)


def _kept(directory: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if not Path(directory, name).is_symlink()]
