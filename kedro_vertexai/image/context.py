"""What a build is given of the project: its files without those that .dockerignore names."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kedro_vertexai.errors import ProjectError
from kedro_vertexai.file_digest import file_digest

_DOCKERIGNORE = ".dockerignore"


@dataclass(frozen=True)
class Context:
    """Files of a project, by their paths relative to it."""

    project_path: Path
    paths: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """Those that hold something, in the order of their names."""
        found = (self.project_path / path for path in self.paths)
        return [file for file in found if file.is_file()]

    @property
    def size(self) -> int:
        """Their bytes, before they are compressed."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def is_filtered(self) -> bool:
        """Whether the project says what to leave out."""
        return (self.project_path / _DOCKERIGNORE).is_file()


def read_context(project_path: Path, dockerfile: str) -> Context:
    """What `docker build` would be given.

    Args:
        project_path: the project.
        dockerfile: which is always among it.

    Raises:
        ProjectError: .dockerignore cannot be read.
    """
    from docker.utils.build import exclude_paths

    patterns = [*_patterns(project_path / _DOCKERIGNORE), f"!{_DOCKERIGNORE}"]
    paths = exclude_paths(str(project_path), patterns, dockerfile=dockerfile)
    return Context(project_path, tuple(sorted(paths)))


@contextmanager
def archived(context: Context) -> Iterator[tuple[Path, str]]:
    """A compressed archive of the files while it is needed, and its SHA-256.

    Raises:
        ProjectError: a file cannot be read.
    """
    with TemporaryDirectory(prefix="kedro-vertexai-") as directory:
        archive = Path(directory) / "context.tar.gz"
        try:
            _write(context, archive)
        except OSError as error:
            raise ProjectError(
                f"cannot read {error.filename} for the build ({error.strerror}): "
                f"leave it out with a line in {_DOCKERIGNORE}"
            ) from error
        yield archive, file_digest(archive)


def _write(context: Context, archive: Path) -> None:
    """The same files make the same archive, whenever it is written."""
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as stream,
    ):
        for path in context.paths:
            source = context.project_path / path
            stream.add(source, path, recursive=False, filter=_nobodys)


def _patterns(dockerignore: Path) -> list[str]:
    if not dockerignore.is_file():
        return []
    try:
        lines = dockerignore.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"cannot read {dockerignore}: {error}") from error
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without the user's name; Docker gives files to root anyway."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
