"""The whole project, run on a copy: its own data and MLflow runs stay as they are."""

import json
import shutil
from pathlib import Path

import mlflow
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

PROJECT = Path(__file__).parents[1]


def test_run_with_the_other_model_as_the_best(tmp_path, monkeypatch):
    for folder in ("conf", "data/01_raw", "src"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path)

    bootstrap_project(tmp_path)
    overrides = {
        "logistic": {"model": {"options": {"C": 0.00001}}},
        "evaluation": {"choose_by": "recall"},
    }
    with KedroSession.create(tmp_path, runtime_params={"train": overrides}) as session:
        session.run()

    summary = json.loads((tmp_path / "data/08_reporting/summary.json").read_text())
    assert summary["best_model"] == "forest"
    assert summary["scores"]["forest"]["accuracy"] > 0.9

    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.metrics["best_score"] == summary["scores"]["forest"]["recall"]
