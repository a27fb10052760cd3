"""`run-once`: the pre-flight before it, and templates instead of what is compiled."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from google_service.kfp_repository import KfpRepositories
from project_factory import IMAGE, ONE_NODE, VERTEXAI, KedroProject

NewProject = Callable[..., KedroProject]
URL = "https://europe-west1-kfp.pkg.dev/my-project/pipelines"


@pytest.fixture
def project(new_project: NewProject, service: GoogleService, bucket: Bucket) -> KedroProject:
    """A project whose image is in its registry, beside a repository of templates."""
    service.serve(KfpRepositories("my-project/pipelines").routes)
    project = new_project(
        nodes=ONE_NODE,
        catalog={},
        parameters={"start": 21},
        vertexai={**VERTEXAI, "run_config": {"image": IMAGE, "root": bucket.root}},
    )
    service.images.push(IMAGE, project.path)
    return project


def publish(project: KedroProject) -> str:
    """The URI of the project's template."""
    done = project.invoke("publish", "--repository", URL, "--tag", "latest")
    assert done.exit_code == 0, done.output
    return done.output.split()[-1]


# The pre-flight


def test_what_is_wrong_stops_a_submission_before_anything_is_sent(
    project: KedroProject, service: GoogleService, bucket: Bucket
) -> None:
    service.project.disabled_apis = {"aiplatform.googleapis.com"}
    done = project.invoke("run-once")
    assert done.exit_code == 1
    assert "gcloud services enable aiplatform.googleapis.com" in done.output
    assert service.jobs == []
    assert bucket.objects() == {}


def test_no_check_asks_nothing_and_submits(project: KedroProject, service: GoogleService) -> None:
    service.project.disabled_apis = {"aiplatform.googleapis.com"}
    done = project.invoke("run-once", "--no-check")
    assert done.exit_code == 0, done.output
    assert len(service.jobs) == 1
    assert service.asked("GET", "services:batchGet") == []


def test_a_warning_stops_nothing(project: KedroProject, service: GoogleService) -> None:
    service.project.denied = {"serviceusage.services.get"}
    done = project.invoke("run-once")
    assert done.exit_code == 0, done.output
    assert "Warning: not checked: the enabled APIs" in done.stderr
    assert len(service.jobs) == 1


def test_a_dry_run_checks_nothing(project: KedroProject, service: GoogleService) -> None:
    assert project.invoke("run-once", "--dry-run").exit_code == 0
    assert service.requests == []


# Templates


def test_a_template_runs_to_its_end(project: KedroProject, service: GoogleService) -> None:
    uri = publish(project)
    done = project.invoke("run-once", "--template", uri, "--wait")
    assert done.exit_code == 0, done.output
    assert service.job().state == "SUCCEEDED"
    assert service.job().message().template_uri == uri


def test_params_are_those_of_the_template(project: KedroProject, service: GoogleService) -> None:
    uri = publish(project)
    done = project.invoke("run-once", "--template", uri, "--params", "start=7", "--dry-run")
    assert done.exit_code == 0, done.output
    request = json.loads(done.stdout)["pipelineJob"]
    assert request["runtimeConfig"]["parameterValues"] == {"start": 7.0}
    assert request["templateUri"] == uri
    assert service.jobs == []


@pytest.mark.parametrize("value", ["other=1", "start=text"])
def test_params_that_it_does_not_take_are_an_error(
    project: KedroProject, service: GoogleService, value: str
) -> None:
    done = project.invoke("run-once", "--template", publish(project), "--params", value)
    assert done.exit_code == 1
    assert "Error: --params" in done.output
    assert service.jobs == []


def test_a_template_is_run_without_the_projects_pipelines(
    project: KedroProject, service: GoogleService
) -> None:
    uri = publish(project)
    (project.path / "src" / project.package / "pipeline_registry.py").write_text("1 / 0")
    assert project.invoke("run-once", "--template", uri).exit_code == 0


@pytest.mark.parametrize("option", [("--pipeline", "other"), ("--image", "i"), ("--tags", "a")])
def test_what_was_settled_when_it_was_published_is_refused(
    project: KedroProject, option: tuple[str, str]
) -> None:
    done = project.invoke("run-once", "--template", f"{URL}/shop/latest", *option)
    assert done.exit_code == 2
    assert "was settled when the template was published" in done.output


def test_a_template_does_not_run_on_this_machine(project: KedroProject) -> None:
    done = project.invoke("run-once", "--template", f"{URL}/a/b", "--target", "local")
    assert done.exit_code == 2


def test_a_template_that_is_missing_is_one_line(project: KedroProject) -> None:
    done = project.invoke("run-once", "--template", f"{URL}/shop/latest")
    assert done.exit_code == 1
    assert "gcloud artifacts versions list" in done.output
