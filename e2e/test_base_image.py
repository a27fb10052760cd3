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
def place_of(x):
    import kedro_mlflow

    print(f"kedro-mlflow is in {kedro_mlflow.__file__}")
    return x


NODES = [node(place_of, "params:start", "x", name="place_of")]
"""
LOOK_AROUND = """
import importlib.metadata, json, pathlib, sys

names = [
    {one.name.lower().replace("_", "-") for one in importlib.metadata.distributions(path=[place])}
    for place in sys.path
    if place.startswith(("/opt/venv/lib", "/opt/shared/lib"))
]
shared = pathlib.Path(importlib.metadata.distribution("kedro").locate_file(""))
tests = [str(path) for path in shared.glob("pandas/tests")]
has_byte_code = (shared / "kedro" / "__pycache__").is_dir()
print(json.dumps([*map(sorted, names), tests, has_byte_code]))
"""


def test_projects_take_from_the_base_image_what_it_has(
    tmp_path: Path, engine: Engine, base_image: str, user: User
) -> None:
    arguments = (f"--build-arg=BASE_IMAGE={base_image}", "--build-arg=MLFLOW=1")
    engine.docker("build", "--quiet", *arguments, "--tag", BASE, str(ROOT))
    project = write_small(tmp_path / "project", user, IMAGE, NODES)
    (project.path / "requirements.txt").write_text("kedro-vertexai[mlflow]\n", encoding="utf-8")
    build = ("build", "--quiet", f"--build-arg=BASE_IMAGE={BASE}", "--tag", IMAGE)
    engine.docker(*build, str(project.path))

    printed = engine.docker("run", "--rm", "--network=none", IMAGE, "python", "-c", LOOK_AROUND)
    own, shared, tests, has_byte_code = json.loads(printed)
    tracked = {"kedro", "kedro-vertexai", "kedro-mlflow", "mlflow"}
    compiler = {"kfp", "google-cloud-aiplatform"}
    assert tracked | {"pyarrow"} <= set(shared)
    assert not (tracked | compiler) & set(own)
    assert not compiler & set(shared)
    assert tests == []
    assert has_byte_code

    done = project.vertexai("run-once", "--target", "docker")
    assert project.last_local_job()["state"] == "SUCCEEDED", done.printed
    (log,) = project.path.glob(".vertexai/jobs/*/logs/place*.log")
    assert "kedro-mlflow is in /opt/shared/lib/" in log.read_text("utf-8")
