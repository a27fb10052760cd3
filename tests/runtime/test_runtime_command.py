"""The container's command, given real executor inputs in a real project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from project_factory import KedroProject, write_project

from kedro_vertexai.runtime.objects import load_object, save_object
from kedro_vertexai.task_inputs import JOB_ID, JOB_NAME, TASK

NODES = """
    import sys


    def add(x, amount):
        print("adding", amount)
        return x + amount


    NODES = [
        node(add, ["x", "params:amount"], "y", name="add"),
        node(lambda y: sorted(sys.modules), "y", "modules", name="modules"),
    ]
"""
SETTINGS = 'DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    return write_project(
        tmp_path_factory.mktemp("command"),
        nodes=NODES,
        parameters={"amount": 1},
        catalog={"modules": {"type": "json.JSONDataset", "filepath": "data/modules.json"}},
        settings=SETTINGS,
    )


def task(project: KedroProject, document: str, cwd: Path | None = None) -> Any:
    """`python -m kedro_vertexai.runtime task`, as an engine calls it."""
    command = [sys.executable, "-m", "kedro_vertexai.runtime", "task"]
    return subprocess.run(
        [*command, "--env", "local", "--pipeline", "__default__", document],
        cwd=cwd or project.path,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def executor_input(folder: Path, told: dict[str, Any], **parameters: Any) -> str:
    """Inputs `x` and outputs `y` and `modules` as files in a folder."""

    def artifacts(*keys: str) -> dict[str, Any]:
        return {
            key: {"artifacts": [{"name": key, "uri": str(folder / key), "metadata": {}}]}
            for key in keys
        }

    values = {TASK: json.dumps(told), JOB_NAME: "j", JOB_ID: "i", **parameters}
    outputs = {"artifacts": artifacts("y", "modules"), "outputFile": str(folder / "output.json")}
    return json.dumps(
        {"inputs": {"parameterValues": values, "artifacts": artifacts("x")}, "outputs": outputs}
    )


def last_line(done: Any) -> str:
    assert done.returncode == 1
    return str(done.stderr.strip().splitlines()[-1])


TOLD = {
    "nodes": ["add", "modules"],
    "parameters": {"amount": {"type": "integer", "path": ["amount"]}},
    "outputs": {"modules": {"travel": "file", "path": "data/modules.json"}},
}


def test_a_task_turns_input_artifacts_into_output_artifacts(
    project: KedroProject, tmp_path: Path
) -> None:
    save_object(40, tmp_path / "x")
    done = task(project, executor_input(tmp_path, TOLD, amount=2))
    assert done.returncode == 0, done.stderr
    assert load_object(tmp_path / "y") == 42
    told = json.loads((tmp_path / "output.json").read_text())["artifacts"]
    assert told["y"]["artifacts"][0]["metadata"]["type"] == "builtins.int"
    assert told["modules"]["artifacts"][0]["metadata"]["path"] == "data/modules.json"
    modules = set(json.loads((tmp_path / "modules").read_text()))
    assert "kedro_vertexai.runtime.task" in modules
    forbidden = {"kfp", "google.cloud.aiplatform", "docker"}
    ours = ("cli", "compiler", "plan", "project", "run_local", "spec", "targets")
    assert not modules & {*forbidden, *(f"kedro_vertexai.{name}" for name in ours)}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("no JSON", "task: the task's argument is no KFP executor input"),
        ('{"inputs": {"parameterValues": {}}}', "task: the task document cannot be read"),
    ],
)
def test_what_another_version_wrote_is_refused_in_one_line(
    project: KedroProject, document: str, message: str
) -> None:
    done = task(project, document)
    assert last_line(done).startswith(message)
    assert "Traceback" not in done.stderr


def test_a_missing_input_is_named(project: KedroProject, tmp_path: Path) -> None:
    done = task(project, executor_input(tmp_path, TOLD, amount=2))
    line = last_line(done)
    assert line.startswith("node 'add' failed: DatasetError")
    assert "dataset 'x'" in line
    assert not (tmp_path / "output.json").exists()


def test_an_image_without_a_project_says_so(project: KedroProject, tmp_path: Path) -> None:
    done = task(project, executor_input(tmp_path, TOLD), cwd=tmp_path)
    assert "no Kedro project in" in last_line(done)
