"""Where a dataset's data lie: a path on the local disk, or a place that every machine reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

_LOCAL_PROTOCOLS = ("file", "local")
# Vertex AI mounts every bucket that its service account may read below this directory:
# https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system
_BUCKETS = PurePosixPath("/gcs")
# In their names `?` and `#` stand for themselves; elsewhere what follows may be a signature.
_OBJECT_STORES = ("gs", "gcs", "s3", "s3a", "s3n")


@dataclass(frozen=True)
class Location:
    """One of the two: `path`, POSIX, relative to the project where it lies inside; or `uri`.

    No URI holds credentials.
    """

    path: str = ""
    uri: str = ""


def locate(location: str, project_path: Path) -> Location:
    """Tell a local path from any other place.

    Args:
        location: as a catalog has it, read as Kedro reads it.
        project_path: what a relative path is relative to.
    """
    from kedro.io.core import get_protocol_and_path

    protocol, path = get_protocol_and_path(location)
    if protocol not in _LOCAL_PROTOCOLS:
        return Location(uri=without_credentials(location))
    pure = PurePosixPath(path)
    if pure.is_relative_to(_BUCKETS) and pure != _BUCKETS:
        return Location(uri=f"gs://{pure.relative_to(_BUCKETS)}")
    return Location(path=_local(path, project_path))


def without_credentials(uri: str) -> str:
    """The URI without a user's name and password, and without a query that may be a signature."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme in _OBJECT_STORES:
        rest = uri[len(parts.scheme) + 3 + len(parts.netloc) :]
        return f"{parts.scheme}://{host}{rest}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def overlap(one: str, other: str) -> bool:
    """Whether two paths (or URIs) are the same, or one lies inside the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _local(path: str, project_path: Path) -> str:
    """A relative path stays one, also where it leads out of the project: so it does elsewhere."""
    plain = Path(os.path.normpath(path))
    if plain.is_relative_to(project_path):
        plain = plain.relative_to(project_path)
    return plain.as_posix()
