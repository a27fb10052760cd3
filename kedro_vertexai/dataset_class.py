"""What a dataset's class tells of it, without an instance: that would ask for credentials.

Classes of kedro-mlflow are told by a table: importing one imports mlflow, which takes longer
than compiling.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kedro_vertexai.errors import ProjectError, did_you_mean

# Under these, Kedro's own and kedro-datasets' classes take their location.
_LOCATIONS = ("filepath", "path")
# Keys of an entry that Kedro's catalog reads itself and that reach no constructor as they are.
_OF_THE_CATALOG = {"type", "versioned", "version", "validator", "credentials"}
_MLFLOW = "kedro_mlflow."
# Where a wrapper has the entry that it wraps.
_WRAPPED = {"MlflowArtifactDataset": "dataset", "CachedDataset": "dataset"}
# A dataset of the peer's, which has the class and its arguments apart.
METADATA_DATASET = "KedroVertexAIMetadataDataset"


@dataclass(frozen=True)
class DatasetClass:
    """One class.

    `names` are the qualified names of the class and its bases. `arguments` are its constructor's,
    those without a default in `required`; None where any is taken or none is known.
    """

    name: str
    names: tuple[str, ...]
    arguments: frozenset[str] | None = None
    required: frozenset[str] = frozenset()

    @property
    def is_memory(self) -> bool:
        """Whether it keeps a Python object in the process."""
        return self._is("kedro.io.memory_dataset.MemoryDataset") or self._is(
            "kedro.io.shared_memory_dataset.SharedMemoryDataset"
        )

    @property
    def is_mlflow(self) -> bool:
        """Whether it is one of kedro-mlflow's."""
        return self.name.startswith(_MLFLOW)

    @property
    def is_known(self) -> bool:
        """Whether it is a public class, of which a place without a path is no local one."""
        return self.is_mlflow or any(name.startswith("kedro_datasets") for name in self.names)

    def table_uri(self, entry: Mapping[str, Any]) -> str:
        """The URI of a table of BigQuery, as Vertex AI writes it; empty for any other class.

        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/BigQueryDestination
        """
        if self.short != "GBQTableDataset":
            return ""
        parts = (entry.get("project"), entry.get("dataset"), entry.get("table_name"))
        return f"bq://{'.'.join(str(part) for part in parts if part)}"

    @property
    def is_partitioned(self) -> bool:
        """Whether it keeps a directory of files, each a partition."""
        return any(name.startswith("kedro_datasets.partitions.") for name in self.names)

    @property
    def short(self) -> str:
        """The class's own name."""
        return self.name.rpartition(".")[2]

    def wrapped(self, entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The entry that this one wraps, or None."""
        short_names = [name.rpartition(".")[2] for name in self.names]
        if METADATA_DATASET in short_names:
            arguments = entry.get("base_dataset_args") or {}
            return {"type": entry.get("base_dataset"), **arguments}
        for short in short_names:
            wrapped = entry.get(_WRAPPED.get(short, ""))
            if isinstance(wrapped, Mapping):
                return wrapped
        return None

    def location(self, entry: Mapping[str, Any]) -> str | None:
        """Where the entry says that its data lie, if this class takes a location."""
        for key in _LOCATIONS:
            value = entry.get(key)
            if value is not None and (self.arguments is None or key in self.arguments):
                return str(value)
        return None

    def check(self, name: str, entry: Mapping[str, Any]) -> None:
        """Refuse an entry that this class cannot be made from, before anything runs elsewhere.

        Raises:
            ProjectError: an argument that it does not take, or one that it needs.
        """
        if self.arguments is None:
            return
        given = {str(key) for key in entry} - _OF_THE_CATALOG
        for key in sorted(given - self.arguments):
            raise ProjectError(
                f"catalog entry '{name}': {self.short} takes no '{key}'"
                f"{did_you_mean(key, self.arguments)}"
            )
        for key in sorted(self.required - given - _OF_THE_CATALOG):
            raise ProjectError(f"catalog entry '{name}': {self.short} needs '{key}'")

    def _is(self, name: str) -> bool:
        return name in self.names


@cache
def dataset_class(type_: str | type) -> DatasetClass | str:
    """What is known of a class; what is wrong, in Kedro's own words, if it cannot be found."""
    if isinstance(type_, str) and type_.startswith(_MLFLOW):
        # Finding the class would import mlflow; the package is what a user forgets.
        if importlib.util.find_spec("kedro_mlflow") is None:
            missing = "kedro-mlflow is not installed (pip install 'kedro-vertexai[mlflow]')"
            return f"is a {type_}: {missing}"
        return DatasetClass(type_, (type_,))
    from kedro.io import DatasetError
    from kedro.io.core import parse_dataset_definition

    try:
        class_, _ = parse_dataset_definition({"type": type_})
    except DatasetError as error:
        return " ".join(str(error).split())
    return _of(class_)


def _of(class_: type) -> DatasetClass:
    names = tuple(f"{base.__module__}.{base.__qualname__}" for base in class_.__mro__)
    try:
        parameters = list(inspect.signature(class_).parameters.values())
    except (TypeError, ValueError):
        # A class written in C, or one with a signature of its own making.
        return DatasetClass(names[0], names)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return DatasetClass(names[0], names)
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return DatasetClass(
        names[0],
        names,
        frozenset(p.name for p in named),
        frozenset(p.name for p in named if p.default is p.empty),
    )
