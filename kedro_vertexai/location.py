"""Where a dataset's data lie: a path on the local disk, or a place that every machine reaches."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_LOCAL_PROTOCOLS = ("file", "local")
# Vertex AI mounts every bucket that its service account may read below this directory:
# https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system
_BUCKETS = "/gcs/"
# In these a container stands where others have a user: `abfs://container@account/path`.
_CONTAINERS = ("abfs", "abfss", "wasb", "wasbs")
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
    plain = os.path.normpath(path).replace(os.sep, "/")
    if plain.startswith(_BUCKETS):
        return Location(uri=f"gs://{plain.removeprefix(_BUCKETS)}")
    return Location(path=_local(plain, project_path))


def without_credentials(uri: str) -> str:
    """The URI without a user's name and password, and without a query that may be a signature.

    Empty where a password that holds a `/` cannot be told from the rest.
    """
    scheme, _, rest = uri.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at and ":" in authority and "@" in path:
        # A password with a `/`, or a port and a name with an `@`.
        return ""
    if user and ":" not in user and scheme in _CONTAINERS:
        host = authority
    if scheme not in _OBJECT_STORES:
        path = re.split(r"[?#]", path, maxsplit=1)[0]
        host = re.split(r"[?#]", host, maxsplit=1)[0]
    return f"{scheme}://{host}{slash}{path}"


def overlap(one: str, other: str) -> bool:
    """Whether two paths (or URIs) are the same, or one lies inside the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _local(path: str, project_path: Path) -> str:
    """A relative path stays one, also where it leads out of the project: so it does elsewhere."""
    project = project_path.as_posix()
    return "." if path == project else path.removeprefix(f"{project}/")
