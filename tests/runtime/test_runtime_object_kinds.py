"""What pipelines hand on survives exactly: arrays, frames, models, functions, own classes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kedro_vertexai.runtime.objects import load_object, save_object

# More than a block, and more than what is mapped; the small ones stay in the pickle.
MANY = 1_500_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "object"


def travel(value: Any, path: Path) -> Any:
    save_object(value, path)
    return load_object(path)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(MANY, dtype=float),
        np.random.default_rng(0).random(MANY),
        np.arange(MANY).reshape(3, -1),
        np.asfortranarray(np.arange(MANY).reshape(3, -1)),
        np.arange(2 * MANY)[::2],
        np.arange(12).reshape(3, 4).T,
        np.array([]),
        np.empty((0, 5)),
        np.array(7.5),
        np.array(["a", None, 3], dtype=object),
        np.array([(1, 2.5, "x")] * 30_000, dtype=[("a", "i4"), ("b", "f8"), ("c", "U3")]),
        np.array(["2026-01-01", "NaT"], dtype="datetime64[ns]"),
        np.arange(5, dtype=">i2"),
        np.array([True, False]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}"[:40],
)
def test_an_array_comes_back_as_it_was(path: Path, array: np.ndarray) -> None:
    back = travel(array, path)
    np.testing.assert_array_equal(back, array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    if array.flags.c_contiguous or array.flags.f_contiguous:
        assert back.flags.f_contiguous == array.flags.f_contiguous
        assert back.flags.c_contiguous == array.flags.c_contiguous
    assert back.flags.writeable
    back[...] = back


@pytest.mark.parametrize("size", [10, MANY])
def test_an_array_that_must_not_be_written_stays_so(path: Path, size: int) -> None:
    array = np.arange(size)
    array.flags.writeable = False
    assert not travel(array, path).flags.writeable


def test_a_large_loaded_array_goes_through_joblib(path: Path) -> None:
    from joblib import Parallel, delayed

    array = travel(np.arange(MANY), path)
    assert Parallel(n_jobs=2)(delayed(np.sum)(part) for part in (array, array)) == [array.sum()] * 2


def test_arrays_that_are_one_stay_one(path: Path) -> None:
    array = np.arange(MANY)
    first, second = travel([array, array], path)
    assert first is second


FRAMES = {
    "empty": pd.DataFrame(),
    "no_rows": pd.DataFrame({"a": pd.Series([], dtype="int8"), "b": pd.Series([], dtype=object)}),
    "mixed": pd.DataFrame({"n": range(1000), "t": ["ü"] * 1000, "x": np.linspace(0, 1, 1000)}),
    "object": pd.DataFrame({"o": pd.Series(["a", None, 3, [1]], dtype=object)}),
    "arrow_strings": pd.DataFrame({"s": pd.Series(["a", None] * 90_000, dtype="string[pyarrow]")}),
    "strings": pd.DataFrame({"s": [f"name {n}" for n in range(200_000)]}),
    "categories": pd.DataFrame(
        {"c": pd.Categorical(["b", "a", None], categories=["b", "a", "z"], ordered=True)}
    ),
    "zones": pd.DataFrame({"t": pd.date_range("2026-03-28", periods=50, tz="Europe/Berlin")}),
    "nullable": pd.DataFrame({"i": pd.Series([1, None], dtype="Int64")}),
    "levels": pd.DataFrame(
        np.arange(12.0).reshape(4, 3),
        index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["letter", "number"]),
        columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)]),
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_pandas_frame_comes_back_as_it_was(path: Path, name: str) -> None:
    frame = FRAMES[name]
    frame.attrs["source"] = {"system": name}
    back = travel(frame, path)
    pd.testing.assert_frame_equal(back, frame, check_freq=True)
    assert back.attrs == frame.attrs
    back.index = pd.RangeIndex(len(back))


def test_a_loaded_frame_can_be_changed_in_place(path: Path) -> None:
    back = travel(pd.DataFrame({"x": np.zeros(MANY), "y": np.zeros(MANY)}), path)
    back.loc[0, "x"] = 7
    assert back.loc[0, "x"] == 7


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame(),
        pl.DataFrame({"n": range(200_000), "t": [f"text {n}" for n in range(200_000)]}),
        pl.DataFrame(
            {"l": [[1, 2], None], "c": ["a", "b"]}, schema_overrides={"c": pl.Categorical}
        ),
        pl.DataFrame({"a": [1]}).lazy(),
    ],
    ids=["empty", "large", "nested", "lazy"],
)
def test_a_polars_frame_comes_back_as_it_was(path: Path, frame: Any) -> None:
    assert_frame_equal(travel(frame, path), frame)


@pytest.mark.parametrize("size", [0, 3, 200_000])
def test_an_arrow_table_comes_back_as_it_was(path: Path, size: int) -> None:
    table = pa.table(
        {"n": range(size), "t": [f"text {n}" for n in range(size)]}, metadata={"of": "a test"}
    )
    back = travel(table, path)
    assert back.equals(table, check_metadata=True)
    back.validate(full=True)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_a_sparse_matrix_comes_back_as_it_was(path: Path, kind: str) -> None:
    matrix = sparse.random(2000, 500, density=0.1, format=kind, rng=np.random.default_rng(0))
    back = travel(matrix, path)
    assert back.format == kind
    assert (back != matrix).nnz == 0


def test_a_fitted_estimator_predicts_the_same(path: Path) -> None:
    features = np.random.default_rng(0).random((500, 4))
    model = make_pipeline(StandardScaler(), RandomForestRegressor(20, random_state=0))
    model.fit(features, features.sum(axis=1))
    np.testing.assert_array_equal(travel(model, path).predict(features), model.predict(features))


def test_a_torch_tensor_comes_back_as_it_was(path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(MANY, dtype=torch.float64).reshape(3, -1)
    back = travel({"tensor": tensor, "half": tensor[:1].half(), "transposed": tensor.T}, path)
    assert torch.equal(back["tensor"], tensor)
    assert back["half"].dtype is torch.float16
    assert back["transposed"].stride() == tensor.T.stride()
    back["tensor"][0, 0] = 7
    model = torch.nn.Linear(4, 2)
    inputs = torch.ones(1, 4)
    assert torch.equal(travel(model, path)(inputs), model(inputs))


@dataclass
class Settings:
    name: str
    shares: dict[str, float] = field(default_factory=dict)
    grid: Any = None


def test_a_dataclass_of_a_module_comes_back(path: Path) -> None:
    back = travel(Settings("a", {"x": 0.5}, np.arange(MANY)), path)
    assert (back.name, back.shares) == ("a", {"x": 0.5})
    assert type(back) is Settings
    np.testing.assert_array_equal(back.grid, np.arange(MANY))


def test_functions_without_a_name_and_what_they_close_over_come_back(path: Path) -> None:
    offset, table = 3, np.arange(MANY)
    assert travel(lambda x: x + offset + table[x], path)(4) == 11


_MAIN = """\
import sys
from dataclasses import dataclass
from pathlib import Path
from kedro_vertexai.runtime.objects import save_object

@dataclass
class Own:
    value: int
    def doubled(self):
        return 2 * self.value

save_object(Own(21), Path(sys.argv[1]))
"""


def test_a_class_of_the_main_module_of_another_process_comes_back(path: Path) -> None:
    subprocess.run([sys.executable, "-c", _MAIN, str(path)], check=True)
    assert load_object(path).doubled() == 42


def test_what_refers_to_itself_comes_back(path: Path) -> None:
    value: list[Any] = [1]
    value.append(value)
    back = travel(value, path)
    assert back[1] is back
