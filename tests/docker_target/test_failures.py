"""What a user is told when an image, a limit or the engine is at fault: one line."""

import hashlib
import io
import json
import os
import pwd
import socket
import subprocess
import sys
import tarfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from container_specs import (
    MIB,
    SpecBuilder,
    by_name,
    containers,
    labelled,
    limited,
    run,
    states,
    wait_for,
)
from docker_daemon import Engine, running_engine, why_not
from python_image import python_image

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.docker import DockerOptions, Pulling

HOG = """
blocks = []
while True:
    blocks.append(bytearray(os.urandom(1) * 1_000_000))
"""


def test_a_task_out_of_memory_names_its_limit_and_the_key(
    engine: Engine, image: str, project: Path
) -> None:
    builder = (
        SpecBuilder()
        .run("hog", HOG, display_name="train_model")
        .finish('give("status", status["state"])', gives={"status": "STRING"})
    )
    job = run(containers(builder, image, {"hog": limited(memory=64)}), project)
    error = "'train_model' was killed: out of memory at its limit of 64 MiB; raise "
    assert by_name(job)["hog"].error == error + "run_config.resources.train_model.memory"
    assert by_name(job)["finish"].output_parameters == {"status": "FAILED"}


def test_a_child_of_a_task_out_of_memory_is_told_of_too(
    engine: Engine, image: str, project: Path
) -> None:
    code = f"""
import subprocess
subprocess.run([sys.executable, "-c", {("import os" + HOG)!r}], check=True)
"""
    spec = containers(SpecBuilder().run("hog", code), image, {"hog": limited(memory=64)})
    assert "out of memory at its limit of 64 MiB" in str(by_name(run(spec, project))["hog"].error)


def test_a_module_that_the_image_lacks(engine: Engine, image: str, project: Path) -> None:
    builder = SpecBuilder().run("load", "import no_such_module.inner")
    error = str(by_name(run(containers(builder, image), project))["load"].error)
    assert error.startswith("ModuleNotFoundError: No module named 'no_such_module'")
    assert f"image {image} has no module 'no_such_module'" in error


def test_an_image_without_python(engine: Engine, image: str, project: Path) -> None:
    builder = SpecBuilder().run("task", argv=["no-such-python", "-c", ""])
    error = str(by_name(run(containers(builder, image), project))["task"].error)
    assert f"image {image} cannot run 'no-such-python'" in error
    assert "No such file" in error


def test_an_image_that_is_not_there_stops_the_run_before_it_starts(
    engine: Engine, project: Path
) -> None:
    spec = containers(SpecBuilder().run("task"), "no-such-image:1")
    with pytest.raises(RunError, match=r"no image no-such-image:1: `kedro vertexai build`"):
        run(spec, project)
    assert not (project / ".vertexai").exists()


def test_a_pull_that_fails_is_told(engine: Engine, project: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        image = f"127.0.0.1:{unused.getsockname()[1]}/no/image:1"
        spec = containers(SpecBuilder().run("task"), image)
        with pytest.raises(
            RunError, match=r"^127\.0\.0\.1:\d+ cannot be reached.*refused"
        ) as caught:
            run(spec, project, docker_options=DockerOptions(pulling=Pulling(lambda _: True)))
    assert "\n" not in str(caught.value)


def test_an_image_of_another_platform(engine: Engine, project: Path) -> None:
    foreign = _of_platform(engine, "arm64")
    with pytest.raises(RunError, match=r"is for linux/arm64, .* runs linux/amd64") as caught:
        run(containers(SpecBuilder().run("task"), foreign), project)
    assert "--platform linux/amd64" in str(caught.value)


def _of_platform(engine: Engine, architecture: str) -> str:
    """An empty image that says it is for another machine.

    https://github.com/moby/docker-image-spec/blob/main/spec.md
    """
    layer = bytes(10240)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    name = f"foreign:{architecture}"
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for file, content in (
            ("layer.tar", layer),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(file)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    engine.client.images.load(stream.getvalue())
    return name


def test_a_limit_above_the_machine_stops_the_run_before_it_starts(
    engine: Engine, image: str, project: Path
) -> None:
    builder = SpecBuilder().run("small").run("big", display_name="train_model")
    total = int(engine.client.info()["MemTotal"] / MIB) + 1
    limits = {"big": limited(memory=total), "small": limited(memory=64)}
    with pytest.raises(RunError, match=r"^task 'train_model' may use .* MiB of memory"):
        run(containers(builder, image, limits), project)
    assert not (project / ".vertexai").exists()


def test_no_engine(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(RunError, match=r"no Docker engine answers at unix://.*: start it"):
        run(containers(SpecBuilder().run("task"), "image"), project)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_no_right_to_the_engine(engine: Engine, tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CONNECT_AS_NOBODY, str(pwd.getpwnam("nobody").pw_uid)],
        env={**os.environ, "DOCKER_HOST": engine.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stdout.startswith("you may not use the Docker engine at"), child.stderr
    assert "usermod -aG docker" in child.stdout


_CONNECT_AS_NOBODY = """
import os, sys
import docker, requests
from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.docker.client import connect
import docker.context, docker.errors, docker.transport
socket = os.environ["DOCKER_HOST"].removeprefix("unix://")
os.chmod(os.path.dirname(os.path.dirname(socket)), 0o755)
os.setuid(int(sys.argv[1]))
try:
    connect()
except RunError as error:
    print(error)
"""


def test_a_network_that_is_not_there(engine: Engine, image: str, project: Path) -> None:
    spec = containers(SpecBuilder().run("task"), image)
    job = run(spec, project, docker_options=DockerOptions(network="no-such-network"))
    assert "run_config.docker.network" in str(by_name(job)["task"].error)


@pytest.fixture
def doomed(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine that a test may kill."""
    if reason := why_not():
        pytest.skip(reason)
    with running_engine(short_path / "doomed") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        yield engine


def test_an_engine_that_stops_in_the_middle_fails_the_job(doomed: Engine, project: Path) -> None:
    image = python_image(doomed.client, "test-python")
    builder = SpecBuilder().run("long", 'print("started"); time.sleep(600)').finish("pass")
    log = project / ".vertexai/jobs/job/logs/long.log"
    killer = threading.Thread(target=lambda: (wait_for(log, "started"), doomed.kill()))
    killer.start()
    job = run(containers(builder, image), project)
    killer.join()
    assert states(job) == {"long": "FAILED", "finish": "FAILED"}
    assert "the Docker engine has stopped" in str(job.error)
    assert "task 'long' failed: the container was lost" in str(job.error)


def test_a_full_disk_is_told_of(short_path: Path, project: Path, monkeypatch) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with running_engine(short_path / "small", size="300m") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        image = python_image(engine.client, "test-python")
        builder = SpecBuilder().run(
            "fill",
            """
with open("/tmp/full", "wb", buffering=0) as file:
    while True:
        file.write(bytes(1_000_000))
""",
        )
        job = run(containers(builder, image), project)
        assert "No space left on device" in str(job.error)
        _fill(engine, short_path / "small" / "data")
        job = run(containers(SpecBuilder().run("any"), image), project, "full")
        assert "the Docker engine's disk is full: `docker system prune`" in str(job.error)


def _fill(engine: Engine, data: Path) -> None:
    with (data / "full").open("wb", buffering=0) as file:
        for size in (1_000_000, 10_000, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def test_containers_are_removed_after_every_end(engine: Engine, image: str, project: Path) -> None:
    builder = SpecBuilder().run("good").run("bad", "sys.exit(3)")
    assert run(containers(builder, image), project).state == "FAILED"
    assert labelled(engine.client, "kedro-vertexai.job") == []
