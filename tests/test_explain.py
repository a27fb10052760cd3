"""`compile --explain`: each dataset, how it travels, who writes it, who reads it, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from project_factory import write_project

NODES = """
NODES = [
    node(first, ["raw", "folder", "optional", "baked", "remote", "gone"], "object", name="a"),
    node(first, "object", ["page@html", "unread", "bucket", "shared", "inside"], name="b"),
    node(first, ["page@text", "bucket", "table", "shared"], "kept", name="c"),
    node(first, ["again", "north_model", "cached"], None, name="d"),
    node(first, "object", ["table", "north_model"], name="e"),
    node(first, "object", "cached", name="f"),
]
"""


def text(path: str, **said: Any) -> dict[str, Any]:
    entry = {"type": "text.TextDataset", "filepath": path}
    return {**entry, "metadata": {"vertexai": said}} if said else entry


CATALOG = {
    "raw": text("data/raw.txt"),
    "gone": text("data/gone.txt"),
    "optional": text("data/optional.txt", optional=True),
    "baked": text("data/baked.txt", staging="image"),
    "folder": {
        "type": "partitions.PartitionedDataset",
        "path": "data/folder",
        "dataset": "text.TextDataset",
    },
    "inside": text("data/folder/new.txt"),
    "remote": text("s3://key:secret@bucket/in.txt"),
    "bucket": text("gs://bucket/out.txt"),
    "page@html": text("data/page.html"),
    "page@text": text("data/page.html"),
    "shared": {"type": "kedro.io.SharedMemoryDataset"},
    "table": {"type": "pandas.SQLTableDataset", "table_name": "t"},
    "kept": {"type": "json.JSONDataset", "filepath": "data/kept.json", "versioned": True},
    "again": text("./data/kept.json"),
    "{region}_model": {"type": "pickle.PickleDataset", "filepath": "data/{region}.pkl"},
    "cached": {
        "type": "CachedDataset",
        "dataset": {"type": "json.JSONDataset", "filepath": "data/cached.json"},
    },
}
FILES = {"data/raw.txt": "raw", "data/baked.txt": "x", "data/folder/old.txt": "old"}

# By dataset: travels as, shown as, written by, read by, why and where.
EXPECTED = {
    "raw": (
        ("file", "Dataset", "-", "a"),
        "TextDataset on the local disk; raw, staged by its content (d7439bee) data/raw.txt",
    ),
    "gone": (
        ("in its task", "Dataset", "-", "a"),
        "TextDataset on the local disk; raw, and missing there data/gone.txt",
    ),
    "optional": (
        ("in its task", "Dataset", "-", "a"),
        "TextDataset on the local disk; raw and optional, missing there data/optional.txt",
    ),
    "baked": (
        ("in its task", "Dataset", "-", "a"),
        "TextDataset on the local disk; raw, in the image data/baked.txt",
    ),
    "folder": (
        ("file", "Dataset", "-", "a"),
        (
            "PartitionedDataset on the local disk; raw, staged by its content (5f631571); "
            "shares its place with inside data/folder"
        ),
    ),
    "remote": (("reference", "Dataset", "-", "a"), "TextDataset at s3:// s3://bucket/in.txt"),
    "object": (("object", "Artifact", "a", "b e f"), "not in the catalog"),
    "page": (("file", "HTML", "b", "c"), "TextDataset on the local disk data/page.html"),
    "unread": (("in its task", "Artifact", "b", "-"), "not in the catalog"),
    "bucket": (("reference", "Dataset", "b", "c"), "TextDataset at gs:// gs://bucket/out.txt"),
    "shared": (("object", "Artifact", "b", "c"), "SharedMemoryDataset keeps it in memory"),
    "inside": (("file", "Dataset", "b", "-"), "TextDataset on the local disk data/folder/new.txt"),
    "table": (
        ("reference", "Dataset", "e", "c"),
        "SQLTableDataset names no place: it keeps its data itself",
    ),
    "kept": (
        ("file", "Dataset", "c", "-"),
        "JSONDataset on the local disk, versioned data/kept.json",
    ),
    # What the reader is handed was written under another name.
    "again": (
        ("file", "Dataset", "-", "d"),
        "TextDataset on the local disk; shares its place with kept data/kept.json",
    ),
    "north_model": (
        ("file", "Artifact", "e", "d"),
        "PickleDataset on the local disk data/north.pkl",
    ),
    "cached": (
        ("file", "Dataset", "f", "d"),
        "CachedDataset around JSONDataset on the local disk data/cached.json",
    ),
}
_TITLES = ("Dataset", "Travels as", "Shown as", "Written by", "Read by", "Why")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    project = write_project(
        tmp_path_factory.mktemp("explained"), nodes=NODES, catalog=CATALOG, files=FILES
    )
    done = project.invoke("compile", "--explain")
    project.forget()
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(printed: str) -> dict[str, list[str]]:
    """The table's cells by dataset, those of several lines as one."""
    header, *lines = printed.splitlines()
    starts = [header.index(title) for title in _TITLES]
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines[: next(n for n, line in enumerate(lines) if " written to " in line)]:
        cells = [line[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
        name = cells[0].strip() or name
        known = found.setdefault(name, [""] * (len(_TITLES) - 1))
        found[name] = [
            " ".join(f"{cell} {more}".split()) for cell, more in zip(known, cells[1:], strict=True)
        ]
    return found


@pytest.mark.parametrize("dataset", EXPECTED)
def test_each_dataset_is_told_of(printed: str, dataset: str) -> None:
    facts, why = EXPECTED[dataset]
    assert rows(printed)[dataset] == [*facts, why]


def test_no_dataset_is_left_out(printed: str) -> None:
    assert rows(printed).keys() == EXPECTED.keys()


def test_no_credentials_are_told(printed: str) -> None:
    assert "secret" not in printed


def test_what_one_task_writes_and_reads_at_one_place_stays_in_it(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "project",
        nodes="""
            NODES = [
                node(first, "params:start", "kept", name="writes", tags="group.one"),
                node(first, "again", None, name="reads", tags="group.one"),
            ]
        """,
        parameters={"start": 1},
        catalog={"kept": text("data/kept.txt"), "again": text("./data/kept.txt")},
        run_config={"grouping": {"cls": "kedro_vertexai.grouping.TagNodeGrouper"}},
    )
    done = project.invoke("compile", "--explain")
    project.forget()
    assert done.exit_code == 0, done.output
    travels, *_ = rows(done.stdout)["again"]
    assert travels == "in its task"
