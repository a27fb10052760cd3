"""A job runs the images that its pre-flight has seen, whatever becomes of their tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google.protobuf.json_format import MessageToDict
from google_service import GoogleService
from project_factory import IMAGE, MLFLOW, KedroProject
from submitting import TWO_NODES

NAME = IMAGE.removesuffix(":1")
OTHER = "europe-west1-docker.pkg.dev/my-project/kedro/cuda"


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    service.settings.execute = False
    root = bucket.root.removeprefix("gs://")
    return new_project(nodes=TWO_NODES, parameters={"start": 1}, run_config={"root": root})


def images_of(service: GoogleService) -> set[str]:
    spec: dict[str, Any] = MessageToDict(service.job().message().pipeline_spec)
    executors = spec["deploymentSpec"]["executors"].values()
    return {executor["container"]["image"] for executor in executors if "container" in executor}


def test_the_tag_is_replaced_by_what_it_means_when_the_job_is_made(
    project: KedroProject, service: GoogleService
) -> None:
    digest = service.images.push(IMAGE, project.path)
    result = project.invoke("run-once")
    assert result.exit_code == 0, result.output
    assert images_of(service) == {f"{NAME}@{digest}"}
    assert f"the job runs {NAME}@{digest}" in result.stdout.splitlines()


def test_every_image_is_pinned_and_a_missing_one_is_told(
    project: KedroProject, service: GoogleService
) -> None:
    digest = service.images.push(IMAGE, project.path)
    vertexai = project.path / "conf/base/vertexai.yml"
    vertexai.write_text(vertexai.read_text() + f"  images:\n    report: {OTHER}:2\n")
    result = project.invoke("run-once")
    assert result.exit_code == 1
    assert f"image {OTHER}:2 does not exist" in result.stderr
    assert service.jobs == []

    other = service.images.push(f"{OTHER}:2", project.path)
    assert project.invoke("run-once").exit_code == 0
    assert images_of(service) == {f"{NAME}@{digest}", f"{OTHER}@{other}"}


def test_without_the_pre_flight_the_tag_stays(
    project: KedroProject, service: GoogleService
) -> None:
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once", "--no-check")
    assert result.exit_code == 0, result.output
    assert images_of(service) == {IMAGE}


def test_a_registry_that_does_not_tell_leaves_the_tag(
    project: KedroProject, service: GoogleService
) -> None:
    service.images.push(IMAGE, project.path)
    service.fail("HEAD", "/manifests/", status=500, times=9)
    result = project.invoke("run-once")
    assert result.exit_code == 0, result.output
    assert images_of(service) == {IMAGE}
    assert "not checked: the image" in result.stderr


def test_the_mlflow_run_is_told_the_image_that_runs(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> None:
    service.settings.execute = False
    root = bucket.root.removeprefix("gs://")
    project = new_project(mlflow=MLFLOW, run_config={"root": root})
    service.images.push(IMAGE, project.path)
    result = project.invoke("run-once")
    assert result.exit_code == 0, result.output
    assert IMAGE not in json.dumps(MessageToDict(service.job().message().pipeline_spec))
