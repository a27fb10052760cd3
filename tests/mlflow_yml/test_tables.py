"""The tables of what is shown: each test that they name exists, and no key is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FEATURES = ROOT / "docs" / "mlflow-features.md"
# These are sections, whose content is the user's own or empty in the template.
WHOLE = ("server.request_header_provider.init_kwargs",)


@pytest.mark.parametrize("page", ["mlflow-features.md", "promises.md"])
def test_each_test_that_a_table_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not missing


def test_each_row_names_a_test_or_says_that_there_is_none() -> None:
    for page in (FEATURES, ROOT / "docs" / "promises.md"):
        rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
        for row in rows:
            if not row.endswith("| shown by |"):
                assert "::test_" in row or "not shown yet" in row or "not here yet" in row, row


def test_each_key_of_kedro_mlflows_template_has_a_row() -> None:
    spec = find_spec("kedro_mlflow")
    assert spec
    assert spec.origin
    template = Path(spec.origin).parent / "template" / "project" / "mlflow.yml"
    text = template.read_text(encoding="utf-8").replace("{{ python_package }}", "shop")
    page = FEATURES.read_text(encoding="utf-8")
    keys = list(_keys(yaml.safe_load(text)))
    assert len(keys) > 15
    assert not [key for key in keys if f"| `{key}` |" not in page]


def _keys(section: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in section.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and name not in WHOLE:
            yield from _keys(value, f"{name}.")
        else:
            yield name
