"""`kedro vertexai status` and `ui`, and how a job is meant."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from google_service import GoogleService
from project_factory import MLFLOW, KedroProject
from told_jobs import ToldJobs, told_run

PAGE = "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs"
WHERE = "on Vertex AI in project my-project, region europe-west1"
NODES = """
NODES = [
    node(first, "params:start", "started", name="start"),
    node(first, "started", "ended", name="end"),
]
"""


@pytest.fixture
def jobs(service: GoogleService, new_project: Callable[..., KedroProject]) -> ToldJobs:
    return ToldJobs(service, new_project(nodes=NODES, parameters={"start": 1}, mlflow=MLFLOW))


@pytest.fixture
def failed(jobs: ToldJobs) -> ToldJobs:
    """`shop-1`, of which one task made a dataset and the next one failed in its second attempt."""
    job = jobs.new("shop-1")
    job.start()
    job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told_run("abc"))
    made = {"dataset": "started", "path": "data/started.csv"}
    output = {"uri": "gs://my-bucket/started", "metadata": made}
    job.set_task("start", "SUCCEEDED", outputs={"started": output})
    job.set_task("end", "RUNNING")
    job.set_task("end", "FAILED", error="It exited with 1.", attempt=2)
    job.set_state("FAILED", "The failed tasks are: [end].")
    return jobs


def test_everything_about_a_job(failed: ToldJobs) -> None:
    text = "\n".join(failed.printed("status", "shop-1"))
    assert text.startswith("Job shop-1: FAILED (")
    assert "\n  pipeline: train\n" in text
    assert f"\n  page: {PAGE}/shop-1?project=my-project\n" in text
    assert "\n  error: The failed tasks are: [end].\n" in text
    rows = [line.split()[:2] for line in text.splitlines()]
    assert ["start", "SUCCEEDED"] in rows
    assert ["end", "FAILED"] in rows
    assert "\nend: It exited with 1.\n" in text
    assert ["started", "gs://my-bucket/started"] in rows
    assert text.endswith("\nMLflow run abc")


def test_a_task_out_of_memory_is_told_of_with_its_limit(
    service: GoogleService, new_project: Callable[..., KedroProject]
) -> None:
    """Vertex AI's own words do not tell the limit."""
    limits = {"resources": {"end": {"memory": "300Mi"}}}
    project = new_project(nodes=NODES, parameters={"start": 1}, run_config=limits)
    jobs = ToldJobs(service, project)
    job = jobs.new("shop-1")
    job.start()
    said = "The replica workerpool0-0 ran out-of-memory and exited with a non-zero status of 137."
    job.set_task("end", "FAILED", error=said)
    job.set_state("FAILED", "The failed tasks are: [end].")
    printed = jobs.printed("status", "shop-1")
    told = printed[printed.index(f"end: {said}") + 1]
    assert told == (
        "  its limit is 300 MiB: raise `memory` of this node under run_config.resources"
    )


def test_the_same_as_json(failed: ToldJobs) -> None:
    found = failed.json("status", "shop-1")
    assert found["state"] == "FAILED"
    assert found["error"] == "The failed tasks are: [end]."
    assert found["mlflow_run"] == "abc"
    assert found["outputs"] == {"started": "gs://my-bucket/started"}
    tasks = {task["task"]: task for task in found["tasks"]}
    # What only groups tasks is none of them.
    assert set(tasks) == {"mlflow-start-run", "start", "end"}
    assert tasks["end"]["error"] == "It exited with 1."
    assert tasks["end"]["attempts"] == 2


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1)])
def test_a_job_is_followed_to_its_end(jobs: ToldJobs, state: str, code: int) -> None:
    job = jobs.new("shop-1")
    job.start()

    def end_after_two_looks() -> None:
        while len(jobs.service.asked("GET", "pipelineJobs/shop-1$")) < 3:
            job.ended.wait(0.05)
        job.set_task("start", state)
        job.set_state(state)

    thread = threading.Thread(target=end_after_two_looks, daemon=True)
    thread.start()
    done = jobs.project.invoke("status", "latest", "--follow")
    thread.join(60)
    assert done.exit_code == code, done.output
    assert "job shop-1: 4 tasks" in done.stdout
    assert f"start: {state}" in done.stdout
    assert f"Job shop-1: {state}" in done.stdout


def test_what_is_followed_is_not_told_as_json(jobs: ToldJobs) -> None:
    assert jobs.project.invoke("status", "latest", "--follow", "--json").exit_code == 2


def test_a_closed_run_has_a_page(jobs: ToldJobs) -> None:
    job = jobs.new("shop-1")
    run = {"id": "abc", "experiment_id": "7", "tracking_uri": "https://mlflow.example/"}
    job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told_run("abc"))
    job.set_task(
        "mlflow-finish-run", "SUCCEEDED", output_parameters={"mlflow__run": json.dumps(run)}
    )
    assert jobs.json("status", "shop-1")["mlflow_url"] == (
        "https://mlflow.example/#/experiments/7/runs/abc"
    )


def test_a_job_that_goes_untracked_says_why(jobs: ToldJobs) -> None:
    job = jobs.new("shop-1")
    told = told_run("", "", untracked="MLflow is away")
    job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told)
    assert jobs.printed("status", "shop-1")[-1] == "This job is not tracked: MLflow is away"


def test_a_job_is_meant_by_a_beginning_its_full_name_or_latest(jobs: ToldJobs) -> None:
    for job_id in ("shop-11", "shop-12", "store-1"):
        jobs.new(job_id)
    jobs.new("shop-9", ours=False)
    full = f"{jobs.service.place.parent}/pipelineJobs/shop-12"
    found = {text: jobs.json("status", text)["job"] for text in ("shop-11", full, "st", "latest")}
    assert found == {"shop-11": "shop-11", full: "shop-12", "st": "store-1", "latest": "store-1"}
    # By its id, another project's job is found, too; by a beginning it is not.
    assert jobs.json("status", "shop-9")["job"] == "shop-9"


def test_an_id_is_that_job_though_others_begin_with_it(jobs: ToldJobs) -> None:
    jobs.new("shop-1")
    jobs.new("shop-11")
    assert jobs.json("status", "shop-1")["job"] == "shop-1"


def test_what_several_jobs_begin_with_is_refused(jobs: ToldJobs) -> None:
    for number in range(10, 17):
        jobs.new(f"shop-{number}")
    assert jobs.refusal("status", "shop-1") == (
        "several jobs begin with 'shop-1': shop-16, shop-15, shop-14, shop-13, shop-12, ..."
    )


def test_no_such_job(jobs: ToldJobs) -> None:
    assert jobs.refusal("status", "shop-1").startswith(f"no job 'shop-1' {WHERE}")
    assert jobs.refusal("status", "latest") == f"no job of this Kedro project {WHERE}"
    assert "is no id of a job" in jobs.refusal("status", 'x" OR state="y')


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a browser was asked to show."""
    shown = tmp_path / "shown"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {shown}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(program))
    return shown


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        ((), "https://console.cloud.google.com/vertex-ai/pipelines/runs?project=my-project"),
        (("shop-1",), f"{PAGE}/shop-1?project=my-project"),
    ],
)
def test_ui_opens_and_prints_a_page_and_asks_nobody(
    jobs: ToldJobs, browser: Path, arguments: tuple[str, ...], page: str
) -> None:
    done = jobs.project.kedro("vertexai", "ui", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == page
    assert browser.read_text().strip() == page
    assert jobs.service.requests == []


def test_ui_latest_asks_for_it(jobs: ToldJobs, browser: Path) -> None:
    jobs.new("shop-1")
    assert jobs.printed("ui", "latest") == [f"{PAGE}/shop-1?project=my-project"]


def test_ui_does_without_a_browser(jobs: ToldJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BROWSER", raising=False)
    assert jobs.printed("ui", "shop-1") == [f"{PAGE}/shop-1?project=my-project"]
