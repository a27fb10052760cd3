"""`kedro vertexai build` with a real engine and a real registry."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from docker_engine import (
    BASE,
    Engine,
    free_port,
    log_in_by_helper,
    running_engine,
    running_registry,
    small_disk,
    use,
)
from project_factory import ONE_NODE, KedroProject, write_project

from kedro_vertexai import __version__
from kedro_vertexai.errors import RunError
from kedro_vertexai.image.engine import connect

NAME = "kedro/demo"


def last_line(output: str) -> str:
    return output.strip().splitlines()[-1]


def error(project: KedroProject, *options: str) -> str:
    """The one line of a build that fails."""
    result = project.invoke("build", *options)
    assert result.exit_code == 1, result.output
    return last_line(result.stderr)


def in_registry(host: str, reference: str) -> requests.Response:
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    url = f"http://{host}/v2/{NAME}/manifests/{reference}"
    return requests.get(url, headers=accept, timeout=10)


@pytest.fixture
def image(registry: str, request: pytest.FixtureRequest) -> str:
    """A tag that no other test has."""
    return f"{registry}/{NAME}:{request.node.name[:100].replace('[', '-').strip(']')}"


def test_the_image_is_pushed_and_told_by_its_digest(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    result = project.invoke("build", "--image", image)
    assert result.exit_code == 0, result.output
    pinned = last_line(result.stdout)
    assert re.fullmatch(rf"{registry}/{NAME}@sha256:[0-9a-f]{{64}}", pinned)
    digest = pinned.partition("@")[2]
    found = in_registry(registry, image.rpartition(":")[2])
    assert found.headers["Docker-Content-Digest"] == digest
    assert in_registry(registry, digest).status_code == 200


def test_every_layer_is_told_and_one_that_is_there_is_not_sent_again(
    project: KedroProject, engine: Engine, image: str
) -> None:
    project.invoke("build", "--image", image)
    (project.path / "README.md").write_text("changed")
    again = project.invoke("build", "--image", image, "--yes").stdout
    states = re.findall(r"^layer [0-9a-f]+: (.*)$", again, re.MULTILINE)
    assert sorted(states) == ["pushed", "there already"]


def test_an_image_that_is_not_pushed_stays_in_the_engine(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    result = project.invoke("build", "--image", image, "--no-push")
    assert result.exit_code == 0, result.output
    assert last_line(result.stdout) == image
    found = engine.client().inspect_image(image)
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 404


def test_the_configured_image_is_built_without_an_option(
    project: KedroProject, engine: Engine
) -> None:
    result = project.invoke("build", "--no-push")
    assert last_line(result.stdout) == "europe-west1-docker.pkg.dev/my-project/kedro/image:1"


def test_images_of_other_tasks_are_told_not_to_be_built(tmp_path: Path, engine: Engine) -> None:
    fixed = f"host/fixed@sha256:{'a' * 64}"
    images = {"train": "host/cuda:12", "gpu": "host/cuda:12", "report": fixed}
    made = write_project(
        tmp_path / "project",
        nodes=ONE_NODE,
        run_config={"images": images},
        files={"Dockerfile": f"FROM {BASE}\nCOPY . /project\n"},
    )
    result = made.invoke("build", "--no-push")
    assert result.exit_code == 0, result.output
    (told,) = [line for line in result.stderr.splitlines() if "Warning" in line]
    assert "host/cuda:12 is not built, which run_config.images has for train, gpu" in told
    assert "`kedro vertexai build --image host/cuda:12`" in told
    other = made.invoke("build", "--no-push", "--image", "host/cuda:12")
    assert last_line(other.stdout) == "host/cuda:12"
    assert "Warning" not in other.stderr
    made.forget()


def test_the_output_of_the_build_is_shown(
    project: KedroProject, engine: Engine, image: str
) -> None:
    (project.path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo the-$((40 + 2))nd-step\n")
    result = project.invoke("build", "--image", image, "--no-push")
    assert "the-42nd-step" in result.stdout


def test_a_step_that_fails_is_told_with_the_last_line_and_nothing_is_pushed(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    (project.path / "Dockerfile").write_text(f"FROM {BASE}\nRUN exit 3\n")
    line = error(project, "--image", image)
    assert re.search(r"docker build .* ended with exit code \d+: .*exit 3.*code: 3", line)
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 404


def test_an_image_of_another_platform_is_refused_before_it_is_pushed(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    engine.add_base_of("arm64", "arm-base:1")
    (project.path / "Dockerfile").write_text("FROM --platform=linux/arm64 arm-base:1\n")
    line = error(project, "--image", image)
    assert "is of linux/arm64, and Vertex AI runs linux/amd64" in line
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 404


def test_an_image_that_does_not_fit_the_project_is_told_and_not_pushed(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    line = error(project, "--image", image, "--check")
    assert "has no python on its PATH" in line
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 404


ANSWER = {
    "kedro_vertexai": __version__,
    "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    "kedro_mlflow": "",
    "project": "demo",
    "error": "",
    "user": 1000,
    "unwritable": [],
}


def answering(project: KedroProject, **said: object) -> None:
    """Build an image whose `python` says this of itself."""
    script = f"#!/bin/sh\necho '{json.dumps({**ANSWER, **said})}'\n"
    (project.path / "python").write_text(script)
    (project.path / "python").chmod(0o755)
    (project.path / "Dockerfile").write_text(
        f'FROM {BASE}\nENV PATH=/bin\nRUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/echo"]\n'
        "COPY python /bin/python\n"
    )


def test_an_image_that_fits_is_pushed(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    answering(project)
    result = project.invoke("build", "--image", image, "--check")
    assert result.exit_code == 0, result.output
    assert f"{image} fits the project" in result.stdout
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 200


def test_all_that_does_not_fit_is_told(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    answering(project, python="3.1", kedro_vertexai="1.0.0")
    result = project.invoke("build", "--image", image, "--check")
    assert result.exit_code == 1
    assert "has kedro-vertexai 1.0.0" in result.stderr
    assert "has Python 3.1," in result.stderr
    assert in_registry(registry, image.rpartition(":")[2]).status_code == 404


def test_a_project_without_a_dockerfile_is_told_how_to_get_one(
    project: KedroProject, engine: Engine, image: str
) -> None:
    (project.path / "Dockerfile").unlink()
    assert "init PROJECT_ID REGION --with-docker" in error(project, "--image", image)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demo:1", "names no registry"),
        ("localhost:5000/Demo:1", "is no name of an image"),
        ("localhost:5000/demo:a b", "is no name of an image"),
        ("localhost:5000/demo;rm:1", "is no name of an image"),
        ("--help", "is no name of an image"),
        (f"localhost:5000/demo@sha256:{'0' * 64}", "by a tag"),
    ],
)
def test_a_name_that_cannot_be_built_is_refused(
    project: KedroProject, name: str, words: str
) -> None:
    assert words in error(project, f"--image={name}")


def test_a_registry_is_not_needed_for_an_image_that_is_not_pushed(
    project: KedroProject, engine: Engine
) -> None:
    assert project.invoke("build", "--image", "demo:1", "--no-push").exit_code == 0


def test_without_an_engine_the_user_is_told_what_needs_none(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    line = error(project)
    assert "no Docker engine is running here" in line
    assert "--builder cloud-build" in line


def test_a_registry_that_is_down_is_told(project: KedroProject, engine: Engine) -> None:
    host = f"localhost:{free_port()}"
    line = error(project, "--image", f"{host}/{NAME}:latest")
    assert line.startswith(f"Error: {host} cannot be reached")
    assert len(line) < 400


def test_a_registry_that_needs_a_login_says_which(project: KedroProject, engine: Engine) -> None:
    with running_registry(login=True) as host:
        line = error(project, "--image", f"{host}/{NAME}:latest")
        assert f"run `docker login {host}`" in line


def test_what_docker_login_has_kept_is_used(
    project: KedroProject, engine: Engine, tmp_path: Path
) -> None:
    with running_registry(login=True) as host:
        (tmp_path / "docker").mkdir()
        auths = f'{{"auths": {{"{host}": {{"auth": "dGVzdGVyOnNlY3JldA=="}}}}}}'
        (tmp_path / "docker" / "config.json").write_text(auths)
        result = project.invoke("build", "--image", f"{host}/{NAME}:latest")
        assert result.exit_code == 0, result.output
        assert "secret" not in result.output


def test_a_credential_helper_is_asked(
    project: KedroProject, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_registry(login=True) as host:
        log_in_by_helper(host, "tester", "secret", monkeypatch, tmp_path)
        result = project.invoke("build", "--image", f"{host}/{NAME}:latest")
    assert result.exit_code == 0, result.output
    assert "secret" not in result.output


def test_a_credential_helper_that_is_not_there_is_named(
    project: KedroProject, engine: Engine, registry: str, image: str, tmp_path: Path
) -> None:
    (tmp_path / "docker").mkdir()
    helpers = f'{{"credHelpers": {{"{registry}": "nothing"}}}}'
    (tmp_path / "docker" / "config.json").write_text(helpers)
    assert "docker-credential-nothing" in error(project, "--image", image)


def test_an_engine_that_stops_in_the_middle_is_told(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: str
) -> None:
    (project.path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo started && sleep 60\n")
    with running_engine() as engine:
        engine.add_base()
        use(engine, monkeypatch, tmp_path)
        threading.Timer(0, kill_in_the_middle, [engine]).start()
        line = error(project, "--image", f"{registry}/{NAME}:latest")
    assert "the Docker engine stopped before it was done" in line


def kill_in_the_middle(engine: Engine) -> None:
    """Once a step of the build runs."""
    client = engine.client()
    while not client.containers():
        threading.Event().wait(0.1)
    engine.kill()


def test_a_full_disk_of_the_engine_is_told(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: str
) -> None:
    (project.path / "large").write_bytes(bytes(range(256)) * 4 * 2**12)
    with small_disk(tmp_path / "disk", "6m") as disk, running_engine(disk) as engine:
        engine.add_base()
        use(engine, monkeypatch, tmp_path)
        assert "disk is full" in error(project, "--image", f"{registry}/{NAME}:latest")


def test_an_engine_that_may_not_be_used_is_told_with_what_helps(engine: Engine) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(RunError, match=r"may not use the Docker engine.*usermod -aG docker"):
            connect()
    finally:
        os.seteuid(0)


def test_an_interrupted_build_leaves_no_process_and_no_image(
    project: KedroProject, engine: Engine, registry: str, image: str
) -> None:
    (project.path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo started && sleep 60\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", "vertexai", "build", "--image", image],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    client = engine.client()
    while not client.containers():
        assert process.poll() is None, process.communicate()
        threading.Event().wait(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"interrupted: {image} is not ready" in stderr
    assert "Traceback" not in stderr
    # The engine ends what nobody waits for.
    while client.containers():
        threading.Event().wait(0.1)
    assert client.images(image) == []
