"""What a dataset's data are, as metadata of its artifact: engines show it beside the name.

No library of data frames is imported: each is known by the attributes that all of them have.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

logger = logging.getLogger(__name__)

# A page that shows more columns is read by nobody.
_MOST_COLUMNS = 100


def describe(data: Any) -> dict[str, Any]:
    """Rows, columns and schema of a table, shape and type of an array; empty for anything else.

    Never fails: what cannot be told is left out, and the task has done its work all the same.
    """
    try:
        return dict(_described(data))
    except Exception:
        logger.debug("data of %s cannot be described", type(data), exc_info=True)
        return {}


def numbers_of(data: Any, name: str) -> dict[str, float]:
    """The finite numbers of nested mappings by their keys joined with dots; one alone by `name`."""
    found = dict(_numbers(data, ""))
    return {key or name: value for key, value in found.items()}


def _described(data: Any) -> Iterator[tuple[str, Any]]:
    schema = _schema(data)
    if schema is None:
        yield from _described_array(data)
        return
    rows = _rows(data)
    if rows is not None:
        yield "rows", rows
    yield "columns", len(schema)
    yield "schema", {str(name): str(kind) for name, kind in schema[:_MOST_COLUMNS]}


def _described_array(data: Any) -> Iterator[tuple[str, Any]]:
    shape, kind = getattr(data, "shape", None), getattr(data, "dtype", None)
    if isinstance(shape, tuple) and kind is not None and all(isinstance(n, int) for n in shape):
        yield "shape", list(shape)
        yield "dtype", str(kind)


def _schema(data: Any) -> list[tuple[Any, Any]] | None:
    """Names and types of a table's columns; None for what is no table, or is none yet."""
    if hasattr(data, "collect_schema") and hasattr(data, "collect"):
        return None  # polars' lazy frame, which would read files to tell
    schema = getattr(data, "schema", None)
    if hasattr(data, "num_rows") and schema is not None:  # pyarrow
        return list(zip(schema.names, schema.types, strict=True))
    if isinstance(schema, Mapping):  # polars
        return list(schema.items())
    dtypes: Any = getattr(data, "dtypes", None)
    if hasattr(dtypes, "items"):  # pandas, dask
        return list(dtypes.items())
    is_spark = isinstance(dtypes, list) and all(isinstance(pair, tuple) for pair in dtypes)
    return dtypes if is_spark else None


def _rows(data: Any) -> int | None:
    """How many; None where counting them would be a computation, as for Spark and dask."""
    shape = getattr(data, "shape", None)
    rows = shape[0] if isinstance(shape, tuple) and shape else getattr(data, "num_rows", None)
    return rows if isinstance(rows, int) else None


def _numbers(data: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _numbers(value, f"{name}.{key}" if name else str(key))
    elif not isinstance(data, (bool, str, bytes)) and hasattr(data, "__float__"):
        number = _scalar(data)
        if number is not None and math.isfinite(number):
            yield name, number


def _scalar(data: Any) -> float | None:
    """A number as a float; None for an array, which has no one value."""
    return float(data) if getattr(data, "shape", ()) == () else None
