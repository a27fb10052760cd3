"""Parameters that no process argument holds (128 KiB on Linux) run all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from local_run import LocalRun, kedro_run, run_once
from project_factory import KedroProject, write_project

NODES = """
    from hashlib import sha256


    def digest(*values):
        text = repr(values)
        return {"characters": len(text), "sha256": sha256(text.encode()).hexdigest()}


    NODES = [
        node(digest, "params:large", "of_large", name="large"),
        node(digest, "params:huge", "of_huge", name="huge"),
        node(digest, [f"params:many_{n}" for n in range(40)], "of_many", name="many"),
        node(digest, "parameters", "of_all", name="all"),
    ]
"""
DATASETS = ("of_large", "of_huge", "of_many", "of_all")
# Text that JSON has to escape, once for the document and once for the argument it is in.
TEXT = 'ü"\\\n' * 250


def table(rows: int) -> dict[str, Any]:
    """5 KB a row; OmegaConf reads no file of more than 10,000 keys and values."""
    return {
        f"row_{n}": {"text": f"{n} {TEXT * 5}", "number": n, "share": n / 7} for n in range(rows)
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    many = {f"many_{n}": {"text": f"{n} {TEXT * 5}"} for n in range(40)}
    catalog = {
        name: {"type": "json.JSONDataset", "filepath": f"data/{name}.json"} for name in DATASETS
    }
    return write_project(
        tmp_path_factory.mktemp("large"),
        nodes=NODES,
        parameters={"large": table(40), "huge": table(400), **many},
        catalog=catalog,
        settings='DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)',
    )


@pytest.fixture(scope="module")
def run(project: KedroProject) -> LocalRun:
    change = ("--params", "huge.row_7.text=changed")
    kedro_run(project, *change)
    return run_once(project, *change)


@pytest.mark.parametrize("dataset", DATASETS)
def test_they_arrive_as_in_kedro_run(project: KedroProject, run: LocalRun, dataset: str) -> None:
    assert run.exit_code == 0, run.printed
    theirs = json.loads((project.path / "data" / f"{dataset}.json").read_text())
    assert json.loads(run.output(f"{dataset}.json").read_text()) == theirs
    sizes = {"of_large": 200_000, "of_huge": 2_000_000, "of_many": 200_000, "of_all": 2_400_000}
    assert theirs["characters"] > sizes[dataset]
