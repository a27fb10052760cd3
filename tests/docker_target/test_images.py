"""The images of a job: what is told of a pull, and what they hold."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from container_specs import Recorder, SpecBuilder, by_name, containers, run, states
from docker_daemon import Engine
from docker_engine import running_registry
from python_image import PURELIB

from kedro_vertexai import __version__
from kedro_vertexai.errors import RunError
from kedro_vertexai.image.progress import PlainLayers
from kedro_vertexai.targets.docker import DockerOptions, Pulling

OURS = ["python", "-m", "kedro_vertexai.runtime", "task", "{{$}}"]

Holding = Callable[[str], str]


@pytest.fixture
def holding(engine: Engine, image: str) -> Holding:
    """Make an image in which this package is installed in a version, without its code."""

    def make(version: str) -> str:
        container = engine.client.containers.create(image, ["python"])
        try:
            container.put_archive("/", _distribution(version))
            container.commit(repository="holding", tag=version)
        finally:
            container.remove()
        return f"holding:{version}"

    return make


def _distribution(version: str) -> bytes:
    metadata = f"Metadata-Version: 2.1\nName: kedro-vertexai\nVersion: {version}\n".encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        name = f"{PURELIB}/kedro_vertexai-{version}.dist-info/METADATA"
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.size = len(metadata)
        archive.addfile(entry, io.BytesIO(metadata))
    return stream.getvalue()


def test_an_image_without_this_package_stops_the_run_before_it_starts(
    engine: Engine, image: str, project: Path
) -> None:
    spec = containers(SpecBuilder().run("task", argv=OURS), image)
    with pytest.raises(RunError, match=rf"image {image}: .* holds no kedro-vertexai") as caught:
        run(spec, project)
    assert "name it in requirements.txt" in str(caught.value)
    assert not (project / ".vertexai").exists()
    assert engine.client.containers.list(all=True) == []


def test_an_image_with_another_version_is_warned_of(
    engine: Engine, holding: Holding, project: Path, recorder: Recorder
) -> None:
    spec = containers(SpecBuilder().run("task", argv=OURS), holding("1.9"))
    assert run(spec, project, recorder=recorder).state == "FAILED"
    (warning,) = recorder.warnings
    assert "image holding:1.9: the image has kedro-vertexai 1.9" in warning
    assert f"you compile with {__version__}" in warning


def test_an_image_with_the_same_version_is_not(
    engine: Engine, holding: Holding, project: Path, recorder: Recorder
) -> None:
    spec = containers(SpecBuilder().run("task", argv=OURS), holding(__version__))
    run(spec, project, recorder=recorder)
    assert recorder.warnings == []


def test_tasks_of_one_job_run_in_images_of_their_own(
    engine: Engine, image: str, holding: Holding, project: Path
) -> None:
    code = f"""
import importlib.metadata
give("found", [d.version for d in importlib.metadata.distributions(path=[{PURELIB!r}])])
"""
    builder = SpecBuilder()
    for name in ("one", "two"):
        builder.run(name, code, gives={"found": "LIST"})
    spec = containers(builder, image)
    spec["deploymentSpec"]["executors"]["exec-two"]["container"]["image"] = holding("7")
    job = run(spec, project)
    found = {name: task.output_parameters["found"] for name, task in by_name(job).items()}
    assert found == {"one": [], "two": ["7"]}


@pytest.fixture
def pushed(engine: Engine, holding: Holding) -> Iterator[str]:
    """An image of which only a registry has all layers."""
    with running_registry() as host:
        own, name = holding("0.1"), f"{host}/kedro/pushed"
        engine.client.images.get(own).tag(name, "1")
        engine.client.images.push(name, "1")
        for tag in (f"{name}:1", own):
            engine.client.images.remove(tag)
        yield f"{name}:1"


def test_a_pull_tells_of_each_layer(engine: Engine, pushed: str, project: Path) -> None:
    stream = io.StringIO()
    pulling = Pulling(lambda _: True, reporter=lambda: PlainLayers(stream))
    options = DockerOptions(pulling=pulling)
    job = run(containers(SpecBuilder().run("task"), pushed), project, docker_options=options)
    assert states(job) == {"task": "SUCCEEDED"}
    told = re.findall(r"^layer [0-9a-f]{12}: (.*)$", stream.getvalue(), re.MULTILINE)
    assert sorted(told) == ["pulled", "there already"]


def test_an_image_that_its_registry_has_not_is_one_line(engine: Engine, project: Path) -> None:
    with running_registry() as host:
        spec = containers(SpecBuilder().run("task"), f"{host}/kedro/nothing:1")
        options = DockerOptions(pulling=Pulling(lambda _: True))
        with pytest.raises(RunError, match=rf"^{host} has no image {host}/kedro/nothing:1: "):
            run(spec, project, docker_options=options)


def test_a_registry_that_wants_a_login_is_named(engine: Engine, project: Path) -> None:
    with running_registry(login=True) as host:
        spec = containers(SpecBuilder().run("task"), f"{host}/kedro/closed:1")
        options = DockerOptions(pulling=Pulling(lambda _: True))
        with pytest.raises(RunError, match=rf"does not let you pull .*docker login {host}"):
            run(spec, project, docker_options=options)


def test_a_credential_helper_that_is_not_there_is_named(
    engine: Engine, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helpers = {"credHelpers": {"localhost:1": "nothing"}}
    (tmp_path / "config.json").write_text(json.dumps(helpers))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    spec = containers(SpecBuilder().run("task"), "localhost:1/kedro/demo:1")
    options = DockerOptions(pulling=Pulling(lambda _: True))
    with pytest.raises(RunError, match="docker-credential-nothing") as caught:
        run(spec, project, docker_options=options)
    assert "\n" not in str(caught.value)
