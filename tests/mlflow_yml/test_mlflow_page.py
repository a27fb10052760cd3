"""The starter's run as its user sees it: MLflow's page in a browser."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_run import LocalRun, run_once
from mlflow.entities import Run
from mlflow_server import running_mlflow
from project_factory import KedroProject

from kedro_vertexai import templates

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="no browser: scripts/install-chromium.sh"
    ),
]
NAME = "Tumour Diagnosis"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    folder = tmp_path_factory.mktemp("page")
    starter = templates.templates_dir() / "starter"
    words = [sys.executable, "-m", "kedro", "new", f"--starter={starter}", f"--name={NAME}"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    project = KedroProject(folder / "tumour-diagnosis", "tumour_diagnosis")
    assert project.kedro("vertexai", "init", "my-project", "europe-west1").returncode == 0
    job = run_once(project)
    assert job.exit_code == 0, job.printed
    return job


@pytest.fixture(scope="module")
def run(job: LocalRun) -> Run:
    return job.mlflow_run()


@pytest.fixture(scope="module")
def page(job: LocalRun, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the run's page."""
    store = f"sqlite:///{job.project.path / '.vertexai' / 'mlflow.db'}"
    with running_mlflow(tmp_path_factory.mktemp("server"), store) as host:
        yield f"http://{host}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def seen(url: str, folder: Path) -> str:
    """The text of a page once its scripts have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,2500"]
    options += [f"--user-data-dir={folder}", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run(
        ["chromium", *options, url], capture_output=True, text=True, timeout=180, check=True
    )
    return html.unescape(re.sub(r"<[^>]*>", " ", done.stdout))


def test_the_overview_shows_one_finished_run_with_all_that_was_logged(
    page: str, job: LocalRun, run: Run, tmp_path: Path
) -> None:
    text = seen(page, tmp_path)
    assert "Finished" in text
    assert run.info.run_id in text
    for tag in ("vertexai_run_id", "vertexai_job_name"):
        assert tag in text
    assert job.record["job_id"] in text
    assert job.record["job_name"] in text
    assert f"Metrics ( {len(run.data.metrics)} )" in re.sub(r"(\d+)", r" \1 ", text)
    for metric in run.data.metrics:
        assert metric in text
    assert "final_model" in text


def test_the_artifacts_are_those_that_tasks_have_logged(page: str, tmp_path: Path) -> None:
    text = seen(f"{page}/artifacts", tmp_path)
    assert "summary.json" in text
