"""What an artifact's metadata say of its data, by what the data have in common."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_vertexai.runtime.describe import describe, numbers_of

COLUMNS = {"a": [1, 2, 3], "b": ["x", "y", "z"]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_table_has_rows_columns_and_a_schema(make: Any) -> None:
    said = describe(make(COLUMNS))
    assert (said["rows"], said["columns"]) == (3, 2)
    assert list(said["schema"]) == ["a", "b"]
    assert said["schema"]["a"].lower() == "int64"


def test_an_array_has_a_shape_and_a_type() -> None:
    assert describe(np.zeros((2, 3))) == {"shape": [2, 3], "dtype": "float64"}


def test_of_a_wide_table_not_every_column_is_told() -> None:
    said = describe(pd.DataFrame({f"c{number}": [0] for number in range(500)}))
    assert said["columns"] == 500
    assert len(said["schema"]) == 100


def test_what_would_have_to_be_computed_is_left_out() -> None:
    class Lazy:
        """As Spark's: column types are known, counting rows is a job."""

        dtypes = [("a", "bigint")]  # noqa: RUF012
        shape = property(lambda self: 1 / 0)

    class Broken:
        dtypes = property(lambda self: 1 / 0)

    assert describe(pl.LazyFrame(COLUMNS)) == {}
    assert describe(Lazy()) == {}
    assert describe(Broken()) == {}


@given(st.one_of(st.none(), st.text(), st.integers(), st.dictionaries(st.text(), st.floats())))
def test_anything_else_has_nothing_to_tell(data: Any) -> None:
    assert describe(data) == {}


def test_numbers_are_found_by_their_place() -> None:
    data = {"a": 1, "b": {"c": 2.5, "d": np.float64(3)}, "e": True, "f": "4", "g": [5]}
    assert numbers_of(data, "x") == {"a": 1.0, "b.c": 2.5, "b.d": 3.0}


def test_a_number_alone_has_its_datasets_name() -> None:
    assert numbers_of(0.5, "score") == {"score": 0.5}


@given(st.dictionaries(st.text(min_size=1), st.floats()))
def test_only_numbers_that_json_can_hold_are_told(data: dict[str, float]) -> None:
    found = numbers_of(data, "x")
    assert found == {key: value for key, value in data.items() if math.isfinite(value)}
