"""What each dataset of a catalog is: a Python object, a local file or directory, or elsewhere.

Decided from the catalog's configuration as Kedro resolves it (patterns included) and from the
classes that it names. No dataset is instantiated: that would ask for credentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from kedro_vertexai.artifact_types import ARTIFACT, type_of_class
from kedro_vertexai.dataset_class import METADATA_DATASET, DatasetClass, dataset_class
from kedro_vertexai.dataset_options import DatasetOptions, parse_options
from kedro_vertexai.errors import ProjectError
from kedro_vertexai.location import Location, locate

# What Kedro takes a dataset for that the catalog does not have.
_UNDECLARED = {"type": "kedro.io.MemoryDataset"}
# Partitioned datasets name the class of a partition, or its whole entry, under this key.
_PARTITION = "dataset"


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

    Args:
        name: that name.
        kind: how it keeps its data.
        type: the class path as the catalog writes it, empty for an undeclared one.
        class_names: qualified names of the class and its bases, the wrapped class's included.
        path: the location of a LOCAL dataset, POSIX, relative to the project where it lies
            inside.
        uri: that of a REMOTE one, without credentials; empty where its class names no place.
        is_placed: whether it is known where a REMOTE one keeps its data.
        versioned: whether each save is kept as a version of its own.
        adds: whether a save leaves the files that are there already, as partitions do.
        replaces: whether a save removes all that is there, as partitions with `overwrite` do.
        reason: why it is of this kind, for people.
        artifact: KFP's type of its artifact.
        options: what the user says of it.
    """

    name: str
    kind: Kind
    type: str = ""
    class_names: tuple[str, ...] = ()
    path: str = ""
    uri: str = ""
    is_placed: bool = True
    versioned: bool = False
    adds: bool = False
    replaces: bool = False
    reason: str = ""
    artifact: str = ARTIFACT
    options: DatasetOptions = field(default_factory=DatasetOptions)


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
        ProjectError: an entry is no mapping, has no type, names a class that cannot be found, or
            says what that class does not take.
    """
    from kedro.io import DatasetError

    from kedro_vertexai.catalog_resolver import PatternResolver

    entries = {name: entry_without_credentials(entry) for name, entry in catalog.items()}
    try:
        resolver = PatternResolver(
            config=entries,
            default_runtime_patterns={"{default}": dict(_UNDECLARED)},
        )
    except DatasetError as error:
        reason = " ".join(str(error).split())
        raise ProjectError(f"the project's catalog: {reason}") from error
    described: dict[str, Dataset] = {}
    for name in sorted(names):
        if not is_parameter(name):
            dataset = _describe(base_name(name), resolver.resolve_pattern(name), project_path)
            described[dataset.name] = _one_of(described.get(dataset.name), dataset)
    return described


def describe_instance(name: str, instance: Any, project_path: Path) -> Dataset:
    """Describe a dataset that a hook of the project's put into the catalog.

    Kedro's own and kedro-datasets' classes keep their location as `_filepath` or `_path`, and
    wrappers what they wrap as `_dataset`.
    """
    from kedro.io import AbstractDataset

    entry: dict[str, Any] = {
        "type": type(instance),
        "metadata": getattr(instance, "metadata", None),
    }
    protocol = getattr(instance, "_protocol", "file")
    for key in ("filepath", "path"):
        value = getattr(instance, f"_{key}", None)
        if value is not None:
            entry[key] = str(value) if protocol == "file" else f"{protocol}://{value}"
    chain: list[tuple[DatasetClass, Mapping[str, Any]]] = [(_class_of(name, entry), entry)]
    wrapped = getattr(instance, "_dataset", None)
    if not isinstance(wrapped, AbstractDataset):
        return _described(name, entry, project_path, chain)
    inner = describe_instance(name, wrapped, project_path)
    return replace(inner, type=_type_of(name, entry), reason=f"{chain[0][0].short}: {inner.reason}")


def _one_of(known: Dataset | None, other: Dataset) -> Dataset:
    """The two sides of a transcoded dataset as one: the declared side says where it is.

    Raises:
        ProjectError: each says something else.
    """
    if known is None or (known.kind is Kind.MEMORY and not known.type):
        return other
    if other.kind is Kind.MEMORY and not other.type:
        return known
    if (known.kind, known.path, known.uri) != (other.kind, other.path, other.uri):
        places = [side.path or side.uri or side.type for side in (known, other)]
        raise ProjectError(
            f"the catalog entries '{known.name}@...' are one dataset and must lie at one place, "
            f"not at {places[0]} and {places[1]}"
        )
    told = [side for side in (known, other) if side.options != DatasetOptions()]
    if len(told) == 2 and told[0].options != told[1].options:
        raise ProjectError(
            f"the catalog entries '{known.name}@...' are one dataset, and each says something else "
            "under metadata.vertexai"
        )
    return told[0] if told else known


def entry_without_credentials(entry: Any) -> Any:
    """The entry without its credentials, which compiling neither needs nor may read."""
    if not isinstance(entry, dict):
        return entry
    return {
        key: entry_without_credentials(value)
        for key, value in entry.items()
        if key != "credentials"
    }


def _describe(name: str, entry: Mapping[str, Any] | None, project_path: Path) -> Dataset:
    if not entry or entry == _UNDECLARED:
        return Dataset(name, Kind.MEMORY, reason="not in the catalog")
    chain = list(_chain(name, entry))
    for class_, inner in chain:
        class_.check(name, inner)
    return _described(name, entry, project_path, chain)


def _described(
    name: str,
    entry: Mapping[str, Any],
    project_path: Path,
    chain: list[tuple[DatasetClass, Mapping[str, Any]]],
) -> Dataset:
    """Put together what the entry and all that it wraps tell."""
    options = _options(name, chain)
    kind, location, reason = _place(name, chain, options, project_path)
    names = tuple(dict.fromkeys(name for class_, _ in chain for name in class_.names))
    place = location.path or location.uri
    return Dataset(
        name,
        kind,
        type=_type_of(name, entry),
        class_names=names,
        path=location.path,
        uri=location.uri,
        is_placed=bool(place) or chain[-1][0].is_known,
        versioned=any(bool(inner.get("versioned")) for _, inner in chain),
        adds=chain[-1][0].is_partitioned and not chain[-1][1].get("overwrite"),
        replaces=chain[-1][0].is_partitioned and bool(chain[-1][1].get("overwrite")),
        reason=reason,
        artifact=_schema(options.type) or type_of_class(names, place),
        options=options,
    )


def _schema(type_: str) -> str:
    """KFP's full name of a type; Google's own have theirs already."""
    return f"system.{type_}" if type_ and "." not in type_ else type_


def _chain(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[DatasetClass, Mapping[str, Any]]]:
    """The entry with its class, then the entry that it wraps, and so on."""
    class_ = _class_of(name, entry)
    yield class_, entry
    wrapped = class_.wrapped(entry)
    if wrapped is not None:
        yield from _chain(name, wrapped)
        return
    partition = entry.get(_PARTITION)
    if isinstance(partition, Mapping) and "type" in partition:
        # Only looked for: each partition is given its own place.
        _class_of(name, partition)


def _class_of(name: str, entry: Mapping[str, Any]) -> DatasetClass:
    type_ = entry.get("type")
    found = dataset_class(type_ if isinstance(type_, type) else _type_of(name, entry))
    if isinstance(found, str):
        separator = " " if found.startswith("is a ") else ": "
        raise ProjectError(f"catalog entry '{name}'{separator}{found}")
    return found


def _type_of(name: str, entry: Mapping[str, Any]) -> str:
    type_ = entry.get("type")
    if type_ is None:
        raise ProjectError(f"catalog entry '{name}' has no 'type'")
    if isinstance(type_, type):
        return f"{type_.__module__}.{type_.__qualname__}"
    if not isinstance(type_, str):
        raise ProjectError(f"catalog entry '{name}': its 'type' is {type_!r}, not a class's path")
    return type_


def _options(name: str, chain: list[tuple[DatasetClass, Mapping[str, Any]]]) -> DatasetOptions:
    class_, entry = chain[0]
    if class_.short != METADATA_DATASET:
        return parse_options(name, entry.get("metadata"))
    # A class of the peer's, which says the same in arguments of its own.
    said = {"metadata": entry.get("metadata"), "type": entry.get("schema", "system.Dataset")}
    options = parse_options(name, {"vertexai": said})
    named = {"display_name": entry.get("display_name", ""), **options.metadata}
    return DatasetOptions(type=options.type, metadata=named)


def _place(
    name: str,
    chain: list[tuple[DatasetClass, Mapping[str, Any]]],
    options: DatasetOptions,
    project_path: Path,
) -> tuple[Kind, Location, str]:
    """How the dataset keeps its data, where, and why that is so."""
    innermost, inner = chain[-1]
    title = " around ".join(class_.short for class_, _ in chain)
    said = options.path or innermost.location(inner)
    location = locate(said, project_path) if said else Location(uri=innermost.table_uri(inner))
    if options.travel:
        return _as_told(name, options.travel, location)
    if chain[0][1].get("run_id") and chain[0][0].short == "MlflowArtifactDataset":
        return Kind.REMOTE, Location(), f"{title} with a run_id loads it from that MLflow run"
    if innermost.is_memory:
        return Kind.MEMORY, Location(), f"{title} keeps it in memory"
    if location.path.startswith("../../"):
        raise ProjectError(
            f"catalog entry '{name}': {location.path} leads more than one directory out of the "
            "project, where no container has room for it: write an absolute path, or one inside"
        )
    if location.path:
        return Kind.LOCAL, location, f"{title} on the local disk"
    return Kind.REMOTE, location, f"{title} {_whereabouts(innermost, location)}"


def _whereabouts(class_: DatasetClass, location: Location) -> str:
    if location.uri:
        return f"at {location.uri.partition('://')[0]}://"
    return (
        "on the MLflow server" if class_.is_mlflow else "names no place: it keeps its data itself"
    )


def _as_told(name: str, travel: str, location: Location) -> tuple[Kind, Location, str]:
    kinds = {"object": Kind.MEMORY, "file": Kind.LOCAL, "reference": Kind.REMOTE}
    reason = f"its metadata says travel: {travel}"
    if travel == "file" and not location.path:
        raise ProjectError(
            f"catalog entry '{name}': metadata.vertexai.travel: it has no local path that could "
            "travel; name one under metadata.vertexai.path"
        )
    if travel == "object":
        return kinds[travel], Location(), reason
    if travel == "file":
        return kinds[travel], location, reason
    if location.path and not location.path.startswith("/"):
        raise ProjectError(
            f"catalog entry '{name}': metadata.vertexai.travel: every task has its own "
            f"{location.path}, inside its copy of the project; a reference needs an absolute path "
            "or a URL"
        )
    # A path that every machine has mounted.
    mounted = f"file://{location.path}" if location.path else ""
    return kinds[travel], Location(uri=location.uri or mounted), reason
