"""`kedro vertexai list-pipelines`: the jobs of this project, as Vertex AI has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from google_service import GoogleService, errors
from project_factory import MLFLOW, KedroProject
from told_jobs import ToldJobs, told_run

PAGE = "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs"


@pytest.fixture
def jobs(service: GoogleService, new_project: Callable[..., KedroProject]) -> ToldJobs:
    return ToldJobs(service, new_project(mlflow=MLFLOW))


def ids(jobs: ToldJobs, *options: str) -> list[str]:
    return [job["job"] for job in jobs.json("list-pipelines", *options)]


def test_a_table_of_the_newest_first(jobs: ToldJobs) -> None:
    jobs.new("shop-1").set_state("SUCCEEDED")
    running = jobs.new("shop-2")
    running.start()
    running.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told_run("abc"))
    header, newest, oldest = jobs.printed("list-pipelines")
    titles = ("Job", "Pipeline", "State", "Started", "Duration", "MLflow run", "Link")
    assert header.split() == " ".join(titles).split()
    words = newest.split()
    assert words[:3] == ["shop-2", "train", "RUNNING"]
    assert words[-2:] == ["abc", f"{PAGE}/shop-2?project=my-project"]
    assert oldest.split()[:3] == ["shop-1", "train", "SUCCEEDED"]


def test_the_same_as_json(jobs: ToldJobs) -> None:
    job = jobs.new("shop-1", labels={"team": "blue"})
    job.start()
    job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told_run("abc"))
    job.set_state("FAILED", "it broke")
    (found,) = jobs.json("list-pipelines")
    assert found["pipeline"] == "train"
    assert found["state"] == "FAILED"
    assert found["labels"]["team"] == "blue"
    assert found["mlflow_run"] == "abc"
    assert found["link"] == f"{PAGE}/shop-1?project=my-project"
    start, end = (datetime.fromisoformat(found[key]) for key in ("start", "end"))
    assert found["seconds"] == (end - start).total_seconds()


def test_a_job_without_mlflow_has_no_run(jobs: ToldJobs) -> None:
    jobs.new("shop-1").start()
    assert jobs.json("list-pipelines")[0]["mlflow_run"] is None


def test_other_projects_jobs_only_where_all_are_asked_for(jobs: ToldJobs) -> None:
    jobs.new("mine")
    jobs.new("other", ours=False, labels={"kedro_project": "another"})
    jobs.new("foreign", ours=False)
    assert ids(jobs) == ["mine"]
    assert ids(jobs, "--all") == ["foreign", "other", "mine"]


def test_filters(jobs: ToldJobs) -> None:
    jobs.new("failed", labels={"team": "blue"}).set_state("FAILED")
    jobs.new("cancelled", labels={"team": "red"}).set_state("CANCELLED")
    jobs.new("running", labels={"other": "red"}).start()
    assert ids(jobs, "--state", "failed") == ["failed"]
    assert ids(jobs, "--state", "FAILED", "--state", "running") == ["running", "failed"]
    assert ids(jobs, "--label", "team=red") == ["cancelled"]
    assert ids(jobs, "--label", "team") == ["cancelled", "failed"]
    assert ids(jobs, "--label", "team=red", "--state", "failed") == []
    assert ids(jobs, "--limit", "2") == ["running", "cancelled"]


def test_age(jobs: ToldJobs) -> None:
    job = jobs.new("old")
    job._message.create_time.FromDatetime(datetime.now(timezone.utc) - timedelta(days=3))
    jobs.new("new")
    assert ids(jobs, "--age", "2d") == ["new"]
    assert ids(jobs, "--age", "1w") == ["new", "old"]


def test_nothing_found_is_said_and_is_no_error(jobs: ToldJobs) -> None:
    done = jobs.project.invoke("list-pipelines")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no such jobs\n")
    assert jobs.json("list-pipelines") == []


def test_more_than_a_page(jobs: ToldJobs) -> None:
    made = [jobs.new(f"shop-{number}").id for number in range(103)]
    assert ids(jobs, "--limit", "102") == made[:0:-1]
    asked = jobs.service.asked("GET", "pipelineJobs$")
    assert [request.query["pageSize"] for request in asked] == ["100", "100"]


def test_the_service_filters_and_sends_no_spec(jobs: ToldJobs) -> None:
    jobs.new("shop-1")
    ids(jobs, "--state", "pending")
    (asked,) = jobs.service.asked("GET", "pipelineJobs$")
    package = jobs.project.package
    assert asked.query["filter"] == (
        f'labels.kedro_project="{package}" AND state="PIPELINE_STATE_PENDING"'
    )
    assert "pipelineSpec" not in asked.query["readMask"]
    (run,) = jobs.service.asked("GET", "pipelineJobs/shop-1$")
    assert "pipelineSpec" not in run.headers["x-goog-fieldmask"]


def test_a_failure_that_passes_is_not_seen(jobs: ToldJobs) -> None:
    jobs.new("shop-1")
    jobs.service.fail("GET", "pipelineJobs$", status=503)
    jobs.service.fail("GET", "pipelineJobs/shop-1$", reset=True)
    assert ids(jobs) == ["shop-1"]


def test_a_refusal_is_one_line(jobs: ToldJobs) -> None:
    denied = errors.permission_denied(
        "aiplatform.pipelineJobs.list", "projects/my-project", "aiplatform.googleapis.com"
    )
    jobs.service.fail("GET", "pipelineJobs$", error=denied)
    assert "aiplatform.pipelineJobs.list" in jobs.refusal("list-pipelines")


@pytest.mark.parametrize("option", [("--age", "soon"), ("--label", "Team=x")])
def test_a_mistake_is_told_before_anything_is_asked(
    jobs: ToldJobs, option: tuple[str, str]
) -> None:
    assert option[0].removeprefix("--") in jobs.refusal("list-pipelines", *option)
    assert jobs.service.requests == []


def test_the_projects_pipelines_are_not_loaded(
    service: GoogleService, new_project: Callable[..., KedroProject]
) -> None:
    jobs = ToldJobs(service, new_project())
    registry = jobs.project.path / "src" / jobs.project.package / "pipeline_registry.py"
    registry.write_text("raise RuntimeError('loaded')")
    assert jobs.json("list-pipelines") == []
