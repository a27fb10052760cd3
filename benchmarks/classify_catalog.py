"""Telling what each of 5,000 datasets is: entries, patterns and wrappers of a large catalog."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import ROUNDS, Result
from kedro_vertexai.catalog import describe_datasets
from kedro_vertexai.plan.places import _clusters

_ENTRIES, _BY_PATTERN, _PATTERNS = 2_500, 2_500, 50


def run() -> list[Result]:
    catalog = {**_entries(), **_patterns()}
    names = [*_entries(), *(f"n{number}_p{number % _PATTERNS}" for number in range(_BY_PATTERN))]
    taken = []
    for number in range(ROUNDS + 1):
        start = time.process_time()
        found = describe_datasets(catalog, names, Path("/project"))
        list(_clusters({name: dataset.path for name, dataset in found.items()}))
        if number:
            taken.append(time.process_time() - start)
    assert len(found) == _ENTRIES + _BY_PATTERN
    detail = f"{_ENTRIES} entries, {_BY_PATTERN} names of {_PATTERNS} patterns"
    return [Result("classifying a catalog", statistics.median(taken), "s", 1, detail)]


def _entries() -> dict[str, Any]:
    return {f"table_{number}": _entry(f"table_{number}", number) for number in range(_ENTRIES)}


def _entry(name: str, number: int) -> dict[str, Any]:
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "pandas.CSVDataset", "filepath": f"data/{name}.csv"},
        {"type": "pickle.PickleDataset", "filepath": f"gs://bucket/{name}.pkl"},
        {"type": "MemoryDataset"},
        {
            "type": "CachedDataset",
            "dataset": {"type": "json.JSONDataset", "filepath": f"data/{name}.json"},
        },
        {
            "type": "partitions.PartitionedDataset",
            "path": f"data/{name}",
            "dataset": {"type": "pandas.ParquetDataset"},
            "credentials": "mine",
        },
    )
    return kinds[number % len(kinds)]


def _patterns() -> dict[str, Any]:
    return {
        f"{{name}}_p{number}": {
            "type": "pickle.PickleDataset",
            "filepath": f"data/{number}/{{name}}.pkl",
            "versioned": True,
        }
        for number in range(_PATTERNS)
    }
