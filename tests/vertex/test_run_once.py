"""`kedro vertexai run-once` on Vertex AI, from the command line to what it leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloud_storage import Bucket
from google_service import GoogleService, errors
from local_run import mlflow_runs
from project_factory import IMAGE, KedroProject

NewProject = Callable[..., KedroProject]

PAGES = "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs"
NODES = """
import pandas as pd

def table(x):
    return pd.DataFrame({"x": [x]})

def total(frame, divisor):
    print("about to divide")
    return int(frame["x"].sum()) // divisor

NODES = [
    node(table, "params:start", "table", name="make.table"),
    node(total, ["table", "params:divisor"], "total", name="total"),
]
"""


@pytest.fixture
def project(new_project: NewProject, service: GoogleService, bucket: Bucket) -> KedroProject:
    made = new_project(
        nodes=NODES,
        parameters={"start": 21, "divisor": 1},
        catalog={"table": {"type": "pandas.CSVDataset", "filepath": "data/table.csv"}},
        run_config={"root": bucket.root.removeprefix("gs://"), "labels": {"team": "space"}},
    )
    service.images.push(IMAGE, made.path)
    return made


def job_id(output: str) -> str:
    found = re.search(r"^job (\S+) submitted$", output, re.MULTILINE)
    assert found, output
    return found[1]


def test_without_waiting_the_job_and_its_page_are_told(
    project: KedroProject, service: GoogleService
) -> None:
    service.settings.execute = False
    result = project.invoke("run-once")
    assert result.exit_code == 0, result.output
    name = service.job().id
    assert result.stdout.splitlines()[-2:] == [
        f"job {name} submitted",
        f"{PAGES}/{name}?project=my-project",
    ]
    assert service.job().message().labels["team"] == "space"


def test_a_job_that_is_followed_ends_with_its_tasks_and_outputs(
    project: KedroProject, service: GoogleService, bucket: Bucket
) -> None:
    result = project.invoke("run-once", "--wait")
    assert result.exit_code == 0, result.output
    name = job_id(result.stdout)
    assert f"Job {name}: SUCCEEDED" in result.stdout
    assert re.search(r"make\.table: SUCCEEDED", result.stdout)
    (line,) = [line for line in result.stdout.splitlines() if line.split()[:1] == ["table"]]
    assert line.split()[1].startswith(f"{bucket.root}/")


def test_a_dataset_that_stays_in_its_bucket_is_an_output_too(
    new_project: NewProject, service: GoogleService, bucket: Bucket
) -> None:
    uri = f"gs://{bucket.name}/table.csv"
    project = new_project(
        nodes=NODES,
        parameters={"start": 21, "divisor": 1},
        catalog={"table": {"type": "pandas.CSVDataset", "filepath": uri}},
        run_config={"root": bucket.root.removeprefix("gs://")},
    )
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once", "--wait")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-2:] == ["  Dataset  Lies at", f"  table    {uri}"]
    pulled = project.invoke("pull", job_id(result.stdout), "table")
    assert pulled.exit_code == 1
    assert pulled.stderr.endswith(
        f"'table' was not copied into job {job_id(result.stdout)}: it lies at {uri}\n"
    )


def test_a_failed_task_is_told_with_its_last_lines(project: KedroProject) -> None:
    result = project.invoke("run-once", "--wait", "--params", "divisor=0")
    assert result.exit_code == 1
    assert f"Job {job_id(result.stdout)}: FAILED" in result.stdout
    last = result.stdout.split("The last lines of total\n")[1]
    assert "ZeroDivisionError" in last
    assert 1 < len(last.splitlines()) <= 20
    assert "Traceback" not in result.stderr


def test_a_cancelled_job_is_no_success(project: KedroProject, service: GoogleService) -> None:
    service.settings.execute = False
    process = following(project)
    wait_for_poll(service, process)
    service.job().set_state("CANCELLED")
    assert process.wait(60) == 1


def test_an_outage_is_told_once_and_waited_out(
    project: KedroProject, service: GoogleService
) -> None:
    service.fail("GET", "pipelineJobs/", status=503, times=3)
    result = project.invoke("run-once", "--wait")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("the job goes on, and is asked for again") == 1


def test_a_timeout_leaves_the_job(project: KedroProject, service: GoogleService) -> None:
    service.settings.execute = False
    result = project.invoke("run-once", "--wait", "--timeout", "0.5")
    assert result.exit_code == 124
    assert "has not ended within 0.5 s" in result.stderr
    assert f"`kedro vertexai cancel {service.job().id}`" in result.stderr
    assert not service.asked("POST", ":cancel$")


def test_a_timeout_cancels_the_job_if_asked_to(
    project: KedroProject, service: GoogleService
) -> None:
    slow = "import time; time.sleep(60)"
    (project.path / "src" / project.package / "nodes.py").write_text(
        f"from kedro.pipeline import Pipeline, node\ndef wait(x):\n    {slow}\n"
        "NODES = [node(wait, 'params:start', 'out', name='wait')]\n"
    )
    result = project.invoke("run-once", "--wait", "--timeout", "1", "--on-timeout", "cancel")
    assert result.exit_code == 124, result.output
    assert service.job().wait() == "CANCELLED"


def test_an_interrupt_without_a_terminal_leaves_the_job(
    project: KedroProject, service: GoogleService
) -> None:
    service.settings.execute = False
    process = following(project)
    wait_for_poll(service, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on" in stderr
    assert "Traceback" not in stderr
    assert not service.asked("POST", ":cancel$")


def test_a_refusal_is_one_line_and_leaves_nothing(
    project: KedroProject, service: GoogleService
) -> None:
    service.fail("POST", "pipelineJobs$", error=errors.plain(403))
    result = project.invoke("run-once")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "denies permission" in result.stderr
    assert service.jobs == []


def following(project: KedroProject, *options: str) -> subprocess.Popen[str]:
    """`run-once --wait` in a process of its own, with nobody to ask."""
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "run-once", "--wait", *options],
        cwd=project.path,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_poll(service: GoogleService, process: subprocess.Popen[str]) -> None:
    """Wait until the job is followed."""
    while not service.asked("GET", "pipelineJobs/"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_raw_inputs_are_staged_before_the_job_is_made(
    new_project: NewProject, service: GoogleService, bucket: Bucket
) -> None:
    described: dict[str, Any] = {
        "nodes": 'NODES = [node(len, "raw", "length", name="count")]',
        "catalog": {"raw": {"type": "text.TextDataset", "filepath": "data/raw.txt"}},
        "files": {"data/raw.txt": "hello"},
        "run_config": {"root": bucket.root.removeprefix("gs://")},
    }
    project = new_project(**described)
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once", "--wait")
    assert result.exit_code == 0, result.output
    assert "1 input staged (5 bytes)" in result.stdout


def test_job_and_mlflow_run_lead_to_each_other(
    new_project: NewProject, service: GoogleService, bucket: Bucket, tmp_path: Path
) -> None:
    database = tmp_path / "mlflow.db"
    project = new_project(
        nodes=NODES,
        parameters={"start": 21, "divisor": 1},
        catalog={"table": {"type": "pandas.CSVDataset", "filepath": "data/table.csv"}},
        mlflow={"server": {"mlflow_tracking_uri": f"sqlite:///{database}"}},
        files={".gitignore": "__pycache__\n"},
        run_config={"root": bucket.root.removeprefix("gs://")},
    )
    commit = committed(project)
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once", "--wait")
    assert result.exit_code == 0, result.output
    name = job_id(result.stdout)
    (run,) = mlflow_runs(database)
    assert run.info.status == "FINISHED"
    assert run.data.tags["vertexai_job_name"] == name
    assert run.data.tags["vertexai_job_url"] == f"{PAGES}/{name}?project=my-project"
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert service.job().message().labels["git_commit"] == commit
    assert f"MLflow run {run.info.run_id}" in result.stdout


def committed(project: KedroProject) -> str:
    """Put the project under git; its commit."""
    git = ["git", "-C", str(project.path), "-c", "user.name=n", "-c", "user.email=e@e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()
