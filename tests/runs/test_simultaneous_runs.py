"""Two runs of one project at once, each with parameters of its own, stay out of each other's way.

The parameters reach nodes, and what only resolvers read in the catalog and in mlflow.yml.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_run import mlflow_runs
from project_factory import MLFLOW, write_project

NODES = """
    import time


    def slowly(value):
        time.sleep(1)
        return {"value": value}


    NODES = [
        node(slowly, "params:start", "slow", name="slow"),
        node(first, ["slow", "raw"], "copied", name="copy"),
    ]
"""
CATALOG = {
    "raw": {"type": "text.TextDataset", "filepath": "data/raw.txt"},
    **{
        name: {
            "type": "json.JSONDataset",
            "filepath": f"data/${{runtime_params:folder, none}}/{name}.json",
        }
        for name in ("slow", "copied")
    },
}


def test_each_has_its_own_outputs_and_mlflow_run(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        parameters={"start": 0},
        catalog=CATALOG,
        mlflow={**MLFLOW, "tracking": {"run": {"name": "${runtime_params:run.name}"}}},
        files={"data/raw.txt": "raw"},
    )

    def run(number: int) -> tuple[int, str]:
        values = (f"start={number}", f"folder=of-{number}", f"run.name=run-{number}")
        options = [word for value in values for word in ("--params", value)]
        done = project.kedro("vertexai", "run-once", "--target", "local", *options, timeout=300)
        return done.returncode, done.stdout + done.stderr

    with ThreadPoolExecutor() as pool:
        for exit_code, printed in pool.map(run, (1, 2)):
            assert exit_code == 0, printed
    copies = (project.path / ".vertexai" / "jobs").glob("*/outputs/copied.json")
    assert sorted(json.loads(copy.read_text())["value"] for copy in copies) == [1, 2]
    runs = mlflow_runs(project.path / ".vertexai" / "mlflow.db")
    assert {run.info.run_name: run.data.params["start"] for run in runs} == {
        "run-1": "1",
        "run-2": "2",
    }
    assert {run.info.status for run in runs} == {"FINISHED"}
