"""`kedro vertexai build --builder cloud-build`, against a stand-in of Cloud Build."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cloud_storage import Bucket
from google_service import GoogleService, errors
from project_factory import IMAGE, KedroProject

from kedro_vertexai.transfer import readable

LATEST = IMAGE.replace(":1", ":latest")
BUILD = ("build", "--builder", "cloud-build", "--image", LATEST)


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    return new_project(
        files={
            "Dockerfile": "FROM python:3.12-slim\nCOPY . .\n",
            ".dockerignore": "# what no image needs\ndata\nconf/local\n**/__pycache__\n",
            "data/raw.csv": "1,2,3",
            "conf/local/credentials.yml": "password: secret",
        },
        run_config={"root": bucket.root.removeprefix("gs://")},
    )


def refused(project: KedroProject, *options: str) -> str:
    """The one line of a build that fails."""
    result = project.invoke(*BUILD, "--yes", *options)
    assert result.exit_code == 1, result.output
    return result.stderr.strip().splitlines()[-1]


def test_the_image_is_told_by_the_digest_that_cloud_build_gives(
    project: KedroProject, service: GoogleService
) -> None:
    result = project.invoke(*BUILD, "--yes")
    assert result.exit_code == 0, result.output
    image = service.images.find(*LATEST.rsplit(":", 1))
    assert image is not None
    pinned = f"{LATEST.removesuffix(':latest')}@{image.digest}"
    assert result.stdout.strip().splitlines()[-1] == pinned
    assert "https://console.cloud.google.com/cloud-build/builds/" in result.stdout


def test_the_image_is_of_the_platform_of_vertex_ai(
    project: KedroProject, service: GoogleService
) -> None:
    project.invoke(*BUILD, "--yes")
    [asked] = service.asked("POST", "/builds$")
    [step] = asked.body["steps"]
    assert step["args"] == ["build", "--platform", "linux/amd64", "--tag", LATEST, "."]


def test_what_dockerignore_names_is_not_uploaded(
    project: KedroProject, service: GoogleService
) -> None:
    project.invoke(*BUILD, "--yes")
    [files] = service.cloud_build.archives
    assert {"Dockerfile", ".dockerignore", "pyproject.toml"} <= files.keys()
    assert f"src/{project.package}/nodes.py" in files
    assert not [name for name in files if name.startswith(("data", "conf/local"))]


def test_the_user_is_asked_with_what_is_uploaded(
    project: KedroProject, service: GoogleService, bucket: Bucket
) -> None:
    result = project.invoke(*BUILD)
    assert result.exit_code == 1
    kept = [name for name in project.files() if not name.startswith(("data", "conf/local"))]
    size = sum(len(project.files()[name]) for name in kept)
    assert f"{len(kept)} files of {project.path}" in result.stdout
    assert f"{readable(size)} before compression" in result.stdout
    assert bucket.objects() == {}
    assert service.asked("POST", "/builds$") == []


def test_a_project_that_leaves_nothing_out_is_warned(project: KedroProject) -> None:
    (project.path / ".dockerignore").unlink()
    result = project.invoke(*BUILD, "--yes")
    assert result.exit_code == 0, result.output
    assert "no .dockerignore" in result.stderr


def test_the_same_files_are_uploaded_once(project: KedroProject, bucket: Bucket) -> None:
    project.invoke(*BUILD, "--yes")
    before = bucket.generations()
    again = project.invoke(*BUILD, "--yes")
    assert "is there already" in again.stdout
    assert bucket.generations() == before
    assert len(before) == 1


def test_a_build_that_fails_is_told_with_its_reason_and_log(
    project: KedroProject, service: GoogleService
) -> None:
    service.cloud_build.status = "FAILURE"
    service.cloud_build.detail = "build step 0 failed: step exited with non-zero status: 1"
    line = refused(project)
    assert "ended as FAILURE (build step 0 failed" in line
    assert "https://console.cloud.google.com/cloud-build/builds/" in line


def test_an_outage_while_it_builds_is_waited_out(
    project: KedroProject, service: GoogleService
) -> None:
    fault = service.fail("GET", "/builds/", status=503, times=2)
    result = project.invoke(*BUILD, "--yes")
    assert result.exit_code == 0, result.output
    assert fault.met == 2
    assert len(service.asked("POST", "/builds$")) == 1


def test_an_api_that_is_not_enabled_is_told_with_the_command(
    project: KedroProject, service: GoogleService
) -> None:
    api = "cloudbuild.googleapis.com"
    error = errors.service_disabled(api, "Cloud Build API", service.place.project_number)
    service.fail("POST", "/builds$", error=error)
    line = refused(project)
    assert "Cloud Build in project my-project" in line
    assert "gcloud services enable cloudbuild.googleapis.com --project my-project" in line


def test_a_right_that_is_missing_is_told_with_the_role(
    project: KedroProject, service: GoogleService
) -> None:
    error = errors.permission_denied(
        "cloudbuild.builds.create", "projects/my-project", "cloudbuild.googleapis.com"
    )
    service.fail("POST", "/builds$", error=error)
    assert "--role roles/cloudbuild.builds.editor" in refused(project)


def test_a_root_outside_of_cloud_storage_is_refused(
    new_project: Callable[..., KedroProject], service: GoogleService
) -> None:
    project = new_project(run_config={"root": "s3://bucket/x"}, files={"Dockerfile": "FROM x\n"})
    assert "Cloud Build reads the project from Cloud Storage" in refused(project)


@pytest.mark.parametrize("other", ["--no-push", "--check"])
def test_what_needs_an_engine_is_no_option_of_cloud_build(
    project: KedroProject, other: str
) -> None:
    result = project.invoke(*BUILD, other)
    assert result.exit_code == 2
    assert f"{other} is for --builder docker" in result.output
