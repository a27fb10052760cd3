"""The kinds of datasets that generated projects have; a new kind is one entry of KINDS.

In the templates `$name` is the dataset's name, `$path` the path of the kind, and `$outside` an
absolute directory outside the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kept_data import (
    Content,
    Writer,
    file_bytes,
    unpickled,
    versions,
    write_csv,
    write_json,
    write_parquet,
    write_parts,
    write_pickle,
    write_text,
    write_version,
)
from local_run import files_of

# Every pickle but lambdas, which the standard library does not pickle.
PICKLES = ("record", "none", "frame", "empty_frame", "array", "mixture")
OBJECTS = ("text", *PICKLES, "document", "function")


@dataclass(frozen=True)
class Kind:
    """One kind of dataset.

    A node that writes a dataset saves `writes`, the first of them a value of one of `makers`
    and the others texts; one that reads it loads `reads`.
    """

    name: str
    makers: tuple[str, ...]
    """Names of functions of `project_values` whose values can go through it."""
    entries: Mapping[str, Any] = field(default_factory=dict)
    """What the catalog has for it."""
    path: str = ""
    """Where it keeps its data; empty if nowhere on the project's machine."""
    content: Content | None = None
    """How what is kept there is compared; None where `path` is empty."""
    writes: tuple[str, ...] = ("$name",)
    reads: tuple[str, ...] = ("$name",)
    raw: Writer | None = None
    """Writes one that no node has written; None for a kind that is always a node's."""
    only_raw: bool = False
    streams: bool = False
    """Whether its node yields it in chunks."""
    writer_reads: tuple[str, ...] = ()
    """What a node that writes it must load too."""
    writer_confirms: tuple[str, ...] = ()
    seeds: Mapping[str, Writer] = field(default_factory=dict)
    """By path, raw data that is there though a node writes the dataset."""
    also_kept: Mapping[str, Content] = field(default_factory=dict)
    """By path, what else it keeps."""
    planned: bool = False
    """Whether it is not yet expected to work: left out of every project."""

    @property
    def undeclared(self) -> tuple[str, ...]:
        """What a node saves of it that the catalog does not name."""
        return self.writes[1:] if self.entries else self.writes


def _file(type_: str, **more: Any) -> dict[str, Any]:
    return {"$name": {"type": type_, "filepath": "$path", **more}}


def _directory(type_: str, dataset: Any, **more: Any) -> dict[str, Any]:
    return {"$name": {"type": type_, "path": "$path", "dataset": dataset, **more}}


def _at(path: str) -> dict[str, Any]:
    """What an entry says of a class that calls its location by another name."""
    return {"metadata": {"vertexai": {"path": path}}}


# What an entry says of an output that `kedro run` would add to.
_ADDED_TO = {"metadata": {"vertexai": {"staging": "upload"}}}

ALL_KINDS = (
    Kind("undeclared", OBJECTS),
    Kind("memory", OBJECTS, {"$name": {"type": "MemoryDataset"}}),
    Kind(
        "text",
        ("text",),
        _file("text.TextDataset"),
        path="data/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "json",
        ("document",),
        _file("json.JSONDataset"),
        path="data/02_deep/er/$name.json",
        content=file_bytes,
        raw=write_json,
    ),
    Kind(
        "csv",
        ("frame", "empty_frame"),
        _file("pandas.CSVDataset"),
        path="data/$name.csv",
        content=file_bytes,
        raw=write_csv,
    ),
    Kind(
        "parquet",
        ("frame", "empty_frame"),
        _file("pandas.ParquetDataset"),
        path="data/$name.parquet",
        content=file_bytes,
        raw=write_parquet,
    ),
    Kind(
        "pickle",
        PICKLES,
        _file("pickle.PickleDataset"),
        path="data/$name.pkl",
        content=unpickled,
        raw=write_pickle,
    ),
    Kind(
        "versioned_json",
        ("document",),
        _file("json.JSONDataset", versioned=True),
        path="data/$name.json",
        content=versions(file_bytes),
        raw=write_version(write_json),
    ),
    Kind(
        "versioned_pickle",
        PICKLES,
        _file("pickle.PickleDataset", versioned=True),
        path="data/$name.pkl",
        content=versions(unpickled),
        raw=write_version(write_pickle),
    ),
    Kind(
        "partitioned_csv",
        ("frames",),
        _directory("partitions.PartitionedDataset", "pandas.CSVDataset", filename_suffix=".csv"),
        path="data/$name",
        content=files_of,
        raw=write_parts(write_csv, ".csv"),
    ),
    Kind(
        "partitioned_text",
        ("texts",),
        _directory("partitions.PartitionedDataset", {"type": "text.TextDataset"}, overwrite=True),
        path="data/$name",
        content=files_of,
        raw=write_parts(write_text, ".txt"),
    ),
    Kind(
        "incremental",
        (),
        _directory("partitions.IncrementalDataset", "text.TextDataset"),
        path="data/$name",
        content=files_of,
        raw=write_parts(write_text, ".txt"),
        only_raw=True,
    ),
    Kind(
        "cached",
        ("frame",),
        {
            "$name": {
                "type": "kedro.io.CachedDataset",
                "dataset": _file("pandas.CSVDataset")["$name"],
            }
        },
        path="data/$name.csv",
        content=file_bytes,
        raw=write_csv,
    ),
    Kind(
        "cached_versioned",
        ("document",),
        {
            "$name": {
                "type": "CachedDataset",
                "versioned": True,
                "dataset": _file("json.JSONDataset")["$name"],
            }
        },
        path="data/$name.json",
        content=versions(file_bytes),
        raw=write_version(write_json),
    ),
    Kind(
        "transcoded",
        ("frame",),
        {
            "$name@pandas": {"type": "pandas.CSVDataset", "filepath": "$path"},
            "$name@text": {"type": "text.TextDataset", "filepath": "$path"},
        },
        path="data/$name.csv",
        content=file_bytes,
        writes=("$name@pandas",),
        reads=("$name@text",),
        raw=write_csv,
    ),
    Kind(
        "factory",
        ("text",),
        {"{stem}_factory": {"type": "text.TextDataset", "filepath": "data/factory/{stem}.txt"}},
        path="data/factory/$name.txt",
        content=file_bytes,
        writes=("${name}_factory",),
        reads=("${name}_factory",),
        raw=write_text,
    ),
    Kind(
        "namespaced_factory",
        ("document",),
        {"{region}.{stem}": {"type": "json.JSONDataset", "filepath": "data/{region}/{stem}.json"}},
        path="data/europe/$name.json",
        content=file_bytes,
        writes=("europe.$name",),
        reads=("europe.$name",),
        raw=write_json,
    ),
    Kind(
        "custom_filepath",
        ("text",),
        _file("generated.datasets.TextFile"),
        path="data/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "custom_path",
        ("text",),
        {"$name": {"type": "generated.datasets.TextAtPath", "path": "$path"}},
        path="data/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "reference",
        ("text",),
        {"$name": {"type": "generated.datasets.TextElsewhere", "key": "$name.txt"}},
    ),
    Kind(
        "outside",
        ("text",),
        _file("text.TextDataset"),
        path="$outside/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "outside_directory",
        ("texts",),
        _directory("partitions.PartitionedDataset", "text.TextDataset"),
        path="$outside/$name",
        content=files_of,
        raw=write_parts(write_text, ".txt"),
    ),
    Kind(
        "file_uri",
        ("text",),
        {"$name": {"type": "text.TextDataset", "filepath": "file://$path"}},
        path="$outside/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "odd_path",
        ("text",),
        {"$name": {"type": "text.TextDataset", "filepath": "./data/../data/Zoë's 1/$name.txt"}},
        path="data/Zoë's 1/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "text_stream",
        ("text",),
        _file("text.TextDataset", fs_args={"open_args_save": {"mode": "a"}}),
        path="data/$name.txt",
        content=file_bytes,
        streams=True,
    ),
    Kind(
        "csv_stream",
        ("frame",),
        _file(
            "pandas.CSVDataset",
            load_args={"header": None},
            save_args={"header": False, "index": False},
            fs_args={"open_args_save": {"mode": "a"}},
        ),
        path="data/$name.csv",
        content=file_bytes,
        streams=True,
    ),
    Kind(
        "own_key",
        ("text",),
        {"$name": {"type": "generated.datasets.TextAtPlace", "place": "$path", **_at("$path")}},
        path="data/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "fixed_place",
        ("text",),
        {"$name": {"type": "generated.datasets.TextInData", "key": "$name.txt", **_at("$path")}},
        path="data/$name.txt",
        content=file_bytes,
        raw=write_text,
    ),
    Kind(
        "partitions_added",
        ("texts",),
        _directory("partitions.PartitionedDataset", "text.TextDataset", **_ADDED_TO),
        path="data/$name",
        content=files_of,
        seeds={"$path": write_parts(write_text, ".txt")},
    ),
    Kind(
        "text_added",
        ("text",),
        _file("text.TextDataset", fs_args={"open_args_save": {"mode": "a"}}, **_ADDED_TO),
        path="data/$name.txt",
        content=file_bytes,
        seeds={"$path": write_text},
    ),
    Kind(
        "shared_path",
        ("frame",),
        {
            "$name": {"type": "pandas.CSVDataset", "filepath": "$path"},
            "${name}_view": {"type": "text.TextDataset", "filepath": "$path"},
        },
        path="data/$name.csv",
        content=file_bytes,
        # Kedro orders nodes by names alone: the second makes a reader wait for the writer.
        writes=("$name", "${name}_done"),
        reads=("${name}_view", "${name}_done"),
    ),
    Kind(
        "part_of_directory",
        ("text",),
        {
            "${name}_part": {"type": "text.TextDataset", "filepath": "$path/deep/written.txt"},
            "$name": {
                "type": "partitions.PartitionedDataset",
                "path": "$path",
                "dataset": "text.TextDataset",
            },
        },
        path="data/$name",
        writes=("${name}_part", "${name}_done"),
        reads=("$name", "${name}_done"),
        seeds={"$path": write_parts(write_text, ".txt")},
        also_kept={"$path/deep/written.txt": file_bytes},
    ),
    Kind(
        "overwritten",
        ("text",),
        {
            "${name}_before": {"type": "text.TextDataset", "filepath": "$path"},
            "$name": {"type": "text.TextDataset", "filepath": "$path"},
        },
        path="data/$name.txt",
        content=file_bytes,
        writes=("$name", "${name}_done"),
        reads=("${name}_before", "${name}_done"),
        writer_reads=("${name}_before",),
        seeds={"$path": write_text},
    ),
    Kind(
        "confirmed",
        ("text",),
        {
            "${name}_new": {
                "type": "partitions.IncrementalDataset",
                "path": "data/${name}_new",
                "dataset": "text.TextDataset",
            },
            "$name": {"type": "text.TextDataset", "filepath": "$path"},
        },
        path="data/$name.txt",
        content=file_bytes,
        writer_reads=("${name}_new",),
        writer_confirms=("${name}_new",),
        seeds={"data/${name}_new": write_parts(write_text, ".txt")},
        also_kept={"data/${name}_new/CHECKPOINT": file_bytes},
    ),
)

KINDS = {kind.name: kind for kind in ALL_KINDS}
