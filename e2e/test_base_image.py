"""The repository's own base image, which several projects share, in place of python:X-slim."""

from __future__ import annotations

import json
from pathlib import Path

from engine import Engine
from small import write_small
from user import User

ROOT = Path(__file__).resolve().parent.parent
BASE = "e2e/kedro-vertexai-base:local"
IMAGE = "e2e/on-the-shared-base:local"
NODES = """
def places(x):
    import hatchling
    import kedro_mlflow

    print("hatchling is in", *hatchling.__path__)
    print("kedro-mlflow is in", *kedro_mlflow.__path__)
    return x


NODES = [node(places, "params:start", "x", name="places")]
"""
LOOK_AROUND = """
import importlib.metadata, json, pathlib, shutil, sys

names = [
    {one.name.lower().replace("_", "-") for one in importlib.metadata.distributions(path=[place])}
    for place in sys.path
    if place.startswith(("/opt/venv/lib", "/opt/shared/lib"))
]
shared = pathlib.Path(importlib.metadata.distribution("kedro").locate_file(""))
tests = [str(path) for path in shared.glob("pandas/tests")]
has_byte_code = (shared / "kedro" / "__pycache__").is_dir()
later = [place for place in sys.path[sys.path.index(str(shared)):] if "-packages" in place]
commands = [shutil.which(name) for name in ("kedro", "mlflow")]
print(json.dumps([*map(sorted, names), tests, has_byte_code, later, commands]))
"""


def test_projects_take_from_the_base_image_what_it_has(
    tmp_path: Path, engine: Engine, base_image: str, user: User
) -> None:
    arguments = (f"--build-arg=BASE_IMAGE={base_image}", "--build-arg=MLFLOW=1")
    engine.docker("build", "--quiet", *arguments, "--tag", BASE, str(ROOT))
    assert "kedro, version" in engine.docker("run", "--rm", "--network=none", BASE, "kedro", "-V")
    project = write_small(tmp_path / "project", user, IMAGE, NODES)
    requirements = "kedro-vertexai[mlflow]\nhatchling\n"
    (project.path / "requirements.txt").write_text(requirements, encoding="utf-8")
    build = ("build", "--quiet", f"--build-arg=BASE_IMAGE={BASE}", "--tag", IMAGE)
    engine.docker(*build, str(project.path))

    printed = engine.docker("run", "--rm", "--network=none", IMAGE, "python", "-c", LOOK_AROUND)
    own, shared, tests, has_byte_code, later, commands = json.loads(printed)
    compiler = {"kfp", "google-cloud-aiplatform"}
    assert {"kedro", "kedro-vertexai", "kedro-mlflow", "mlflow", "pandas", "pyarrow"} <= set(shared)
    assert "hatchling" in own
    assert not set(own) & set(shared)
    assert not compiler & {*own, *shared}
    assert tests == []
    assert has_byte_code
    # Those of the image that it starts from itself.
    assert any(place.startswith("/usr/local/lib") for place in later)
    assert commands == ["/opt/venv/bin/kedro", "/opt/shared/bin/mlflow"]

    done = project.vertexai("run-once", "--target", "docker")
    assert project.last_local_job()["state"] == "SUCCEEDED", done.printed
    (log,) = project.path.glob(".vertexai/jobs/*/logs/places*.log")
    # kedro-mlflow tracks each `kedro run`, here in a directory.
    in_the_image = ("run", "--rm", "--network=none", "--env=MLFLOW_ALLOW_FILE_STORE=true", IMAGE)
    by_hand = engine.docker(*in_the_image, "kedro", "run")
    # Of the base image's own commands, with the project's Python.
    by_its_command = engine.docker(*in_the_image, "/opt/shared/bin/kedro", "run")
    for printed in (log.read_text("utf-8"), by_hand, by_its_command):
        assert "hatchling is in /opt/venv/lib/" in printed
        assert "kedro-mlflow is in /opt/shared/lib/" in printed
