"""`run-once --auto-build`: a real engine and registry, and a job of what was just built."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from cloud_storage import Bucket
from docker_engine import BASE, Engine, running_engine, running_registry, use, why_not
from google.protobuf.json_format import MessageToDict
from google_service import GoogleService
from project_factory import KedroProject
from terminal import on_terminal

REPOSITORY = "kedro/demo"


NODES = """
    PIPELINES = {
        "__default__": Pipeline([node(first, "params:start", "x", name="start")]),
        "notify": Pipeline([node(first, "params:vertexai_job", None, name="tell")]),
    }
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[tuple[Engine, str]]:
    """An engine and the registry beside it."""
    if reason := why_not():
        pytest.skip(reason)
    with running_engine() as engine, running_registry() as registry:
        engine.add_base()
        yield engine, registry


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject],
    service: GoogleService,
    bucket: Bucket,
    docker: tuple[Engine, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> KedroProject:
    engine, registry = docker
    use(engine, monkeypatch, tmp_path)
    service.settings.execute = False
    return new_project(
        nodes=NODES,
        parameters={"start": 1},
        files={"Dockerfile": f"FROM {BASE}\nCOPY . /project\n"},
        run_config={
            "root": bucket.root.removeprefix("gs://"),
            "image": f"{registry}/{REPOSITORY}:latest",
        },
    )


def test_the_job_runs_the_image_that_was_built_by_its_digest(
    project: KedroProject, service: GoogleService, docker: tuple[Engine, str]
) -> None:
    result = project.invoke("run-once", "--auto-build", "--yes")
    assert result.exit_code == 0, result.output
    spec = MessageToDict(service.job().message().pipeline_spec)
    executors = spec["deploymentSpec"]["executors"].values()
    images = {executor["container"]["image"] for executor in executors}
    [image] = images
    assert re.fullmatch(rf"{docker[1]}/{REPOSITORY}@sha256:[0-9a-f]{{64}}", image)
    assert f"the job runs {image}" in result.stdout.splitlines()


def test_what_this_machine_runs_is_built_and_not_pushed(
    project: KedroProject, docker: tuple[Engine, str]
) -> None:
    image = f"{docker[1]}/{REPOSITORY}:here"
    here = ("--target", "docker", "--image", image)
    # There is no Python in the image, so that the job itself ends soon.
    result = project.invoke("run-once", "--auto-build", *here)
    assert f"the job runs {image}" in result.stdout.splitlines()
    assert docker[0].client().inspect_image(image)
    url = f"http://{docker[1]}/v2/{REPOSITORY}/manifests/here"
    assert requests.get(url, timeout=10).status_code == 404


def test_a_build_that_fails_makes_no_job(project: KedroProject, service: GoogleService) -> None:
    (project.path / "Dockerfile").write_text(f"FROM {BASE}\nRUN exit 3\n")
    result = project.invoke("run-once", "--auto-build", "--yes")
    assert result.exit_code == 1
    assert "docker build" in result.stderr.strip().splitlines()[-1]
    assert service.jobs == []


def test_a_pipeline_that_does_not_compile_builds_nothing(project: KedroProject) -> None:
    result = project.invoke("run-once", "--auto-build", "--yes", "--pipeline", "nothing")
    assert result.exit_code == 1
    assert "Step" not in result.output


def test_a_tag_that_is_taken_is_replaced_only_if_the_user_agrees(
    project: KedroProject, service: GoogleService, docker: tuple[Engine, str]
) -> None:
    tagged = ("run-once", "--auto-build", "--image", f"{docker[1]}/{REPOSITORY}:1.0")
    assert project.invoke(*tagged).exit_code == 0
    (project.path / "changed").touch()
    refused = project.invoke(*tagged)
    assert refused.exit_code == 1
    assert re.search(r":1.0 is sha256:[0-9a-f]{64} now. Replace it", refused.output)
    assert len(service.jobs) == 1
    assert project.invoke(*tagged, "--yes").exit_code == 0
    assert len(service.jobs) == 2


@pytest.mark.parametrize("other", ["--target=local", "--dry-run", "--template=https://x"])
def test_nothing_is_built_where_nobody_would_run_it(project: KedroProject, other: str) -> None:
    result = project.invoke("run-once", "--auto-build", other)
    assert result.exit_code == 2
    assert "--auto-build" in result.output


def test_a_terminal_shows_how_much_of_a_layer_is_sent(project: KedroProject) -> None:
    (project.path / "large").write_bytes(os.urandom(40_000_000))
    with on_terminal(project.path, "build") as terminal:
        assert terminal.exit_code() == 0, terminal.text
    assert re.search(r"layer [0-9a-f]{12} .*40\.\d MB", terminal.text)
    assert re.search(r"layer [0-9a-f]{12}: pushed", terminal.text)
    assert re.search(rf"{REPOSITORY}@sha256:[0-9a-f]{{64}}", terminal.text)


@pytest.mark.parametrize("node", ["start", "tell"], ids=["a task", "the exit pipeline"])
def test_an_image_of_some_tasks_is_told_not_to_be_built(
    project: KedroProject, docker: tuple[Engine, str], node: str
) -> None:
    other = f"{docker[1]}/kedro/cuda:12"
    vertexai = project.path / "conf/base/vertexai.yml"
    more = f"  on_exit_pipeline: notify\n  images:\n    {node}: {other}\n"
    vertexai.write_text(vertexai.read_text() + more)
    result = project.invoke("run-once", "--auto-build", "--yes", "--no-check")
    assert result.exit_code == 0, result.output
    assert f"{other} is not built, which run_config.images has for {node}" in result.stderr
