"""Whether an image fits its project: what it says of itself, and what is made of that."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient
from docker_engine import BASE, Engine
from kedro.framework.startup import bootstrap_project
from project_factory import MLFLOW, ONE_NODE, KedroProject, write_project

from kedro_vertexai import __version__
from kedro_vertexai.errors import RunError
from kedro_vertexai.image_check import check_image

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FITS = {
    "kedro_vertexai": __version__,
    "python": PYTHON,
    "kedro": "1.7.0",
    "mlflow": "3.17.2",
    "kedro_mlflow": "2.0.3",
    "project": "demo",
    "error": None,
    "unwritable": [],
    "user": 1000,
}

Check = Callable[..., list[str]]


def says(project: KedroProject, env: str = "local") -> dict[str, Any]:
    """What an image would say that holds this environment and this project."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro_vertexai.runtime.check_image", env],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_an_image_says_in_one_line_what_it_holds(project: KedroProject) -> None:
    found = says(project)
    assert (found["kedro_vertexai"], found["python"]) == (__version__, PYTHON)
    assert found["kedro"]
    assert found["kedro_mlflow"]
    assert found["mlflow"]
    assert (found["error"], found["unwritable"]) == (None, [])
    assert found["project"] == project.package


def test_a_module_that_the_image_lacks_is_named(project: KedroProject) -> None:
    registry = project.path / "src" / project.package / "pipeline_registry.py"
    registry.write_text("print('noise')\nimport nowhere_to_be_found\n" + registry.read_text())
    found = says(project)
    assert "nowhere_to_be_found" in found["error"]
    assert found["project"] == project.package


def test_a_module_that_a_pipeline_lacks_is_named(project: KedroProject) -> None:
    """Kedro only says which pipeline cannot be imported, as an error of its own."""
    package = project.path / "src" / project.package
    pipeline = package / "pipelines" / "report" / "__init__.py"
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text("import nowhere_to_be_found\n")
    (package / "pipelines" / "__init__.py").touch()
    (package / "pipeline_registry.py").write_text(
        "from kedro.framework.project import find_pipelines\n"
        "def register_pipelines():\n"
        "    return find_pipelines(raise_errors=True)\n"
    )
    error = says(project)["error"]
    assert "pipelines.report" in error
    assert "No module named 'nowhere_to_be_found'" in error


def test_an_environment_that_the_image_lacks_is_named(project: KedroProject) -> None:
    assert "production" in says(project, "production")["error"]


def test_checking_loads_no_compiler_and_no_cloud_client(project: KedroProject) -> None:
    program = (
        "import sys; from kedro_vertexai.runtime import check_image; "
        "check_image.main(['local']); "
        "print([m for m in ('kfp', 'google.cloud.aiplatform', 'docker') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[KedroProject]:
    made = write_project(tmp_path / "tracked", nodes=ONE_NODE, mlflow=MLFLOW)
    bootstrap_project(made.path)
    yield made
    made.forget()


@pytest.fixture
def check(engine: Engine, tracked: KedroProject, tmp_path: Path) -> Iterator[Check]:
    """Checks an image whose `python` is a script of these lines."""
    client = engine.client()
    before = containers(client)
    name = "checked:1"

    def check(*script: str) -> list[str]:
        context = tmp_path / "context"
        context.mkdir()
        (context / "python").write_text("\n".join(("#!/bin/sh", *script)) + "\n")
        (context / "python").chmod(0o755)
        (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY python /bin/python\n")
        list(client.build(path=str(context), tag=name))
        return check_image(client, name, tracked.path, "local")

    yield check
    assert containers(client) == before


def containers(client: APIClient) -> list[str]:
    """Those of the engine; builds that failed for other tests have left some."""
    return [one["Id"] for one in client.containers(all=True)]


def answer(**different: Any) -> str:
    return f"echo 'a log line'; echo '{json.dumps(FITS | different)}'"


def test_an_image_that_fits_has_no_findings(check: Check) -> None:
    assert check(answer()) == []


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({"kedro_vertexai": "1.9.9"}, ["1.9.9", __version__, "requirements.txt"]),
        ({"python": "3.1"}, ["Python 3.1,", PYTHON, "BASE_IMAGE"]),
        ({"kedro_mlflow": None}, ["kedro-mlflow", "requirements.txt"]),
        ({"error": "ModuleNotFoundError: No module named pandas"}, ["demo", "pandas"]),
        ({"unwritable": ["/home/x"]}, ["1000", "/home/x"]),
    ],
)
def test_each_difference_is_one_finding(
    check: Check, different: dict[str, Any], words: list[str]
) -> None:
    (finding,) = check(answer(**different))
    assert all(word in finding for word in words), finding


def test_an_image_without_us_is_told(check: Check) -> None:
    (finding,) = check("echo 'No module named kedro_vertexai' >&2", "exit 1")
    assert f"no kedro-vertexai {__version__}" in finding


def test_an_image_that_says_nothing_is_told(check: Check) -> None:
    (finding,) = check("echo 'Segmentation fault' >&2", "exit 139")
    assert "Segmentation fault" in finding


def test_the_image_is_asked_once_for_the_environment_and_without_network(check: Check) -> None:
    (finding,) = check('echo "$* $(/bin/busybox ls /sys/class/net)" >&2', "exit 1")
    assert finding.endswith(": -m kedro_vertexai.runtime.check_image local lo")


def test_no_python_and_no_image_are_errors(engine: Engine, tracked: KedroProject) -> None:
    client = engine.client()
    before = containers(client)
    with pytest.raises(RunError, match="no python"):
        check_image(client, BASE, tracked.path, "local")
    with pytest.raises(RunError, match="no image nowhere:1"):
        check_image(client, "nowhere:1", tracked.path, "local")
    assert containers(client) == before
