"""What each dataset of a catalog is: a Python object, a local file or directory, or elsewhere.

Decided from the catalog's configuration as Kedro resolves it (patterns included) and, where
the configuration alone does not tell, from the class it names. No dataset is instantiated:
that would import pandas, Spark or mlflow, and ask for credentials.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from kedro_vertexai.errors import ProjectError

# Keys under which Kedro's own and kedro-datasets' classes take their location.
_PATH_KEYS = ("filepath", "path")
# Wrappers that name the dataset they wrap under this key.
_WRAPPED_KEY = "dataset"
_WRAPPERS = ("CachedDataset", "MlflowArtifactDataset")
# What Kedro takes a dataset for that the catalog does not have.
_UNDECLARED = {"type": "kedro.io.MemoryDataset"}
_IN_MEMORY = ("MemoryDataset", "SharedMemoryDataset")
_LOCAL_PROTOCOLS = ("file", "local")


class Kind(str, Enum):
    """How a dataset keeps its data.

    MEMORY: a Python object in the process. LOCAL: a file or directory on the local disk.
    REMOTE: somewhere every machine reaches (an object store, a database, the MLflow server).
    """

    MEMORY = "memory"
    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True)
class Dataset:
    """One dataset by its name without transcoding.

    `path` is the location of a LOCAL dataset, POSIX, relative to the project where it lies
    inside. `type` is the class path as the catalog writes it, empty for an undeclared one.
    """

    name: str
    kind: Kind
    type: str = ""
    path: str = ""
    versioned: bool = False
    metadata: Mapping[str, Any] | None = None


def base_name(name: str) -> str:
    """The name without its transcoding suffix: `x` for `x@pandas`."""
    return name.split("@", 1)[0]


def is_parameter(name: str) -> bool:
    """Whether a node's input names a parameter (Kedro's `params:` prefix or all of them)."""
    return name == "parameters" or name.startswith("params:")


def describe_datasets(
    catalog: Mapping[str, Any], names: Iterable[str], project_path: Path
) -> dict[str, Dataset]:
    """Describe the datasets among `names`, keyed by name without transcoding.

    Args:
        catalog: the catalog's configuration, interpolations resolved.
        names: input and output names of nodes; parameters are passed over.
        project_path: what relative paths are relative to.

    Raises:
        ProjectError: an entry is no mapping, has no type, or names a class that cannot be found.
    """
    from kedro.io import CatalogConfigResolver, DatasetError

    entries = {name: _without_credentials(entry) for name, entry in catalog.items()}
    try:
        resolver = CatalogConfigResolver(
            config=entries,
            default_runtime_patterns={"{default}": dict(_UNDECLARED)},
        )
    except DatasetError as error:
        raise ProjectError(f"the project's catalog: {_one_line(error)}") from error
    described: dict[str, Dataset] = {}
    for name in sorted(names):
        if is_parameter(name):
            continue
        entry = resolver.resolve_pattern(name)
        dataset = _describe(base_name(name), entry, project_path)
        known = described.setdefault(dataset.name, dataset)
        # One side of a transcoded dataset may be undeclared; the declared side says where it is.
        if known.kind is Kind.MEMORY:
            described[dataset.name] = dataset
    return described


def _without_credentials(entry: Any) -> Any:
    """The entry without its credentials, which compiling neither needs nor may read."""
    if not isinstance(entry, dict):
        return entry
    return {
        key: _without_credentials(value) for key, value in entry.items() if key != "credentials"
    }


def _describe(name: str, entry: Mapping[str, Any] | None, project_path: Path) -> Dataset:
    if not entry or entry == _UNDECLARED:
        return Dataset(name, Kind.MEMORY)
    type_ = _type_of(name, entry)
    if type_.rsplit(".", 1)[-1] in _IN_MEMORY:
        return Dataset(name, Kind.MEMORY, type_)
    for class_ in _classes(name, entry):
        _check_class(name, class_)
    location = _location(entry)
    if location is None:
        return Dataset(name, Kind.REMOTE, type_, metadata=entry.get("metadata"))
    local = _local_path(location, project_path)
    if local is None:
        return Dataset(name, Kind.REMOTE, type_, metadata=entry.get("metadata"))
    return Dataset(
        name,
        Kind.LOCAL,
        type_,
        path=local,
        versioned=bool(_innermost(entry).get("versioned")),
        metadata=entry.get("metadata"),
    )


def _type_of(name: str, entry: Mapping[str, Any]) -> str:
    type_ = entry.get("type")
    if type_ is None:
        raise ProjectError(f"catalog entry '{name}' has no 'type'")
    if isinstance(type_, type):
        return f"{type_.__module__}.{type_.__qualname__}"
    if not isinstance(type_, str):
        raise ProjectError(f"catalog entry '{name}': its 'type' is {type_!r}, not a class's path")
    return type_


def _classes(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """The class of the entry, and those of the entries that it wraps."""
    yield _type_of(name, entry)
    wrapped = entry.get(_WRAPPED_KEY)
    if isinstance(wrapped, dict) and "type" in wrapped:
        yield from _classes(name, wrapped)


def _check_class(name: str, type_: str) -> None:
    """Refuse an entry whose class Kedro will not find, before anything runs elsewhere."""
    if type_.startswith("kedro_mlflow."):
        # Finding the class would import mlflow; the package is what a user forgets.
        if importlib.util.find_spec("kedro_mlflow") is None:
            raise ProjectError(
                f"catalog entry '{name}' is a {type_}: kedro-mlflow is not installed "
                "(pip install 'kedro-vertexai[mlflow]')"
            )
    elif reason := _missing_class(type_):
        raise ProjectError(f"catalog entry '{name}': {reason}")


@cache
def _missing_class(type_: str) -> str:
    """Why Kedro cannot find this dataset class, in its own words; empty if it can."""
    from kedro.io import DatasetError
    from kedro.io.core import parse_dataset_definition

    try:
        parse_dataset_definition({"type": type_})
    except DatasetError as error:
        return _one_line(error)
    return ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _innermost(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry that a wrapper wraps, or the entry itself."""
    wrapped = entry.get(_WRAPPED_KEY)
    if str(entry.get("type")).endswith(_WRAPPERS) and isinstance(wrapped, dict):
        return _innermost(wrapped)
    return entry


def _location(entry: Mapping[str, Any]) -> str | None:
    inner = _innermost(entry)
    for key in _PATH_KEYS:
        if isinstance(inner.get(key), (str, Path)):
            return str(inner[key])
    return None


def _local_path(location: str, project_path: Path) -> str | None:
    """The POSIX path of a location on the local disk, or None for any other protocol."""
    from kedro.io.core import get_protocol_and_path

    protocol, path = get_protocol_and_path(location)
    if protocol not in _LOCAL_PROTOCOLS:
        return None
    absolute = project_path / path
    if absolute.is_relative_to(project_path):
        return PurePosixPath(absolute.relative_to(project_path)).as_posix()
    return absolute.as_posix()
