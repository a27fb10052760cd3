"""The tables of what is shown: each test that they name exists, and no key is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FEATURES = ROOT / "docs" / "mlflow-features.md"
# Other than the bases that they share.
DATASET = re.compile(r"Mlflow(?!Abstract)\w+Dataset")
# What kedro-mlflow's documentation tells of beside keys and datasets.
FEATURES_BESIDE_DATASETS = (
    "runtime parameters in `mlflow.yml`",
    "a run that is active already",
    "`validator` of an entry",
    "metrics of a task that is tried again",
    "`pipeline_ml_factory`",
    "a pipeline's model whose task is tried again",
    "`KedroPipelineModel`",
    "autologging",
    "traces",
    "`kedro mlflow init`",
)
# How many promises each of the pages makes: one that is kept no more must not just go away.
PROMISES = {
    "kedro-vertexai: MLflow support": 12,
    "kedro-airflow-k8s: MLflow support, both versions of the page": 6,
    "kedro-mlflow: motivation": 6,
    "kedro-mlflow: configuration": 21,
}
# These are sections, whose content is the user's own or empty in the template.
WHOLE = ("server.request_header_provider.init_kwargs",)


@pytest.mark.parametrize("page", ["mlflow-features.md", "promises.md"])
def test_each_test_that_a_table_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    assert not [f"{file}::{test}" for file, test in named if test not in _tests_of(file)]


@cache
def _tests_of(file: str) -> set[str]:
    """The tests that pytest runs of a file, and that are not marked to be skipped."""
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    classes = [part.body for part in module.body if isinstance(part, ast.ClassDef)]
    return {
        function.name
        for function in [*module.body, *chain.from_iterable(classes)]
        if isinstance(function, ast.FunctionDef)
        and not any("mark.skip" in ast.unparse(mark) for mark in function.decorator_list)
    }


def test_each_row_names_a_test_or_says_that_there_is_none() -> None:
    for page in (FEATURES, ROOT / "docs" / "promises.md"):
        rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
        for row in rows:
            if not row.endswith("| shown by |"):
                assert "::test_" in row or "not shown yet" in row or "not here yet" in row, row


def test_the_keys_of_kedro_mlflows_template_have_a_row_each() -> None:
    spec = find_spec("kedro_mlflow")
    assert spec
    assert spec.origin
    template = Path(spec.origin).parent / "template" / "project" / "mlflow.yml"
    text = template.read_text(encoding="utf-8").replace("{{ python_package }}", "shop")
    page = FEATURES.read_text(encoding="utf-8")
    table = page.partition("## Features")[0]
    keys = list(_keys(yaml.safe_load(text)))
    assert len(keys) > 15
    assert sorted(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) == sorted(keys)


def test_each_dataset_of_kedro_mlflow_has_a_row() -> None:
    modules = [
        import_module(f"kedro_mlflow.io.{kind}") for kind in ("artifacts", "metrics", "models")
    ]
    names = {name for module in modules for name in vars(module) if DATASET.fullmatch(name)}
    assert len(names) == 7
    rows = [line for line in FEATURES.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert not [name for name in names if not any(row.startswith(f"| `{name}`") for row in rows)]


def test_each_other_feature_has_a_row() -> None:
    rows = FEATURES.read_text("utf-8").partition("## Features")[2].splitlines()
    for feature in FEATURES_BESIDE_DATASETS:
        assert [row for row in rows if row.startswith(f"| {feature} |")], feature


def test_no_promise_is_left_out() -> None:
    sections = (ROOT / "docs" / "promises.md").read_text("utf-8").split("\n## ")[1:]
    counted = {
        section.partition("\n")[0]: len(re.findall(r"^\| (?!promise)", section, re.MULTILINE))
        for section in sections
    }
    assert counted == PROMISES


def _keys(section: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in section.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and name not in WHOLE:
            yield from _keys(value, f"{name}.")
        else:
            yield name
