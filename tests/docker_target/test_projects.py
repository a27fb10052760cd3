"""`kedro vertexai run-once --target docker` on whole Kedro projects."""

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from container_specs import CONTAINERS, labelled
from docker_daemon import Engine
from kedro_image import project_image
from project_factory import MLFLOW, RUN_CONFIG, KedroProject

from kedro_vertexai.cli_options import pulls

NewProject = Callable[..., KedroProject]

NODES = """
import os

def double(numbers):
    return [2 * number for number in numbers]

def total(numbers, factor):
    return {"total": sum(numbers) * factor, "uid": os.getuid(), "cwd": os.getcwd()}

NODES = [
    node(double, "raw", "doubled", name="double", tags=["small"]),
    node(total, ["doubled", "params:factor"], "report", name="total"),
]
"""
JSON_DATASET = """
import json
from pathlib import Path
from kedro.io import AbstractDataset

class Json(AbstractDataset):
    def __init__(self, filepath, metadata=None):
        self._filepath = Path(filepath)

    def load(self):
        return json.loads(self._filepath.read_text())

    def save(self, data):
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        self._filepath.write_text(json.dumps(data))

    def _describe(self):
        return {"filepath": str(self._filepath)}
"""


def write(new_project: NewProject, run_config: dict | None = None, **described) -> KedroProject:
    config = {
        "project_id": "my-project",
        "region": "europe-west1",
        "run_config": {**RUN_CONFIG, "resources": {"__default__": {"memory": "1Gi", "cpu": 2}}}
        | (run_config or {}),
    }
    project = new_project(
        directory="docker-project",
        nodes=NODES,
        parameters={"factor": 3},
        vertexai=config,
        **described,
    )
    (project.path / "src" / project.package / "dataset.py").write_text(JSON_DATASET)
    kind = f"{project.package}.dataset.Json"
    catalog = {
        "raw": {"type": kind, "filepath": "data/01_raw/raw.json"},
        "report": {"type": kind, "filepath": "data/08_reporting/report.json"},
    }
    (project.path / "conf/base/catalog.yml").write_text(yaml.safe_dump(catalog))
    raw = project.path / "data/01_raw/raw.json"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_text("[1, 2, 3]")
    return project


def run_once(
    project: KedroProject, image: str, *options: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return project.kedro(
        *("vertexai", "run-once", "--target", "docker", "--image", image, *options),
        env=env,
        timeout=600,
    )


def outputs(project: KedroProject) -> Path:
    (job,) = (project.path / ".vertexai" / "jobs").iterdir()
    return job / "outputs"


@pytest.mark.slow
def test_an_unmodified_project_runs_in_containers(engine: Engine, new_project: NewProject) -> None:
    project = write(new_project)
    image = project_image(engine.client, project.path)
    done = run_once(project, image, "--params", "factor=10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCEEDED" in done.stdout
    report = json.loads((outputs(project) / "report.json").read_text())
    assert report == {"total": 120, "uid": 1000, "cwd": "/home/kedro/project"}
    assert not (project.path / "data/08_reporting").exists()
    assert labelled(engine.client, CONTAINERS) == []
    pulled = project.kedro("vertexai", "pull", "latest", "report")
    assert pulled.returncode == 0, pulled.stderr
    assert json.loads((project.path / "data/08_reporting/report.json").read_text()) == report


@pytest.mark.slow
def test_the_run_is_recorded_in_the_store_beside_the_job(
    engine: Engine, new_project: NewProject
) -> None:
    project = write(new_project, mlflow=MLFLOW)
    image = project_image(engine.client, project.path, "mlflow", "kedro-mlflow", "kedro-datasets")
    done = run_once(project, image, "--to-nodes", "double")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FINISHED" in done.stdout
    store = project.path / ".vertexai"
    assert {path.stat().st_uid for path in store.rglob("*")} == {os.getuid()}
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    (run,) = client.search_runs(
        [experiment.experiment_id for experiment in client.search_experiments()]
    )
    assert run.info.status == "FINISHED"
    assert run.data.tags["kedro_env"] == "local"
    assert str(store / "mlartifacts") in run.info.artifact_uri


def test_an_image_that_is_not_here_is_one_line(engine: Engine, new_project: NewProject) -> None:
    project = write(new_project)
    done = run_once(project, "no-such-image:1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "Error: the Docker engine has no image no-such-image:1: `kedro vertexai build` makes it"
    )
    assert "Traceback" not in done.stderr


def test_without_an_engine_it_is_one_line(
    new_project: NewProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    result = write(new_project).invoke("run-once", "--target", "docker")
    assert result.exit_code == 1
    assert "no Docker engine answers at" in result.stderr
    assert "`--target local` needs none" in result.stderr


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:5000", "in a container 127.0.0.1 is the container itself"),
        ("http://localhost:5000", "write host.docker.internal instead"),
        ("sqlite:////somewhere/mlflow.db", "where no container gets"),
    ],
)
def test_a_store_that_no_container_reaches_is_refused(
    new_project: NewProject, uri: str, said: str
) -> None:
    project = write(new_project, mlflow={"server": {"mlflow_tracking_uri": uri}})
    result = project.invoke("run-once", "--target", "docker")
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_variable_that_is_not_there_is_named(new_project: NewProject) -> None:
    project = write(new_project, {"docker": {"env": ["NO_SUCH_VARIABLE"]}})
    result = project.invoke("run-once", "--target", "docker")
    assert result.exit_code == 1
    assert "run_config.docker.env: NO_SUCH_VARIABLE: not in your environment" in result.stderr


def test_credentials_that_are_not_there_are_named(
    new_project: NewProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    result = write(new_project).invoke("run-once", "--target", "docker")
    assert result.exit_code == 1
    assert "GOOGLE_APPLICATION_CREDENTIALS names" in result.stderr


@pytest.mark.parametrize("options", [["--dry-run"], ["--timeout", "3", "--wait"]])
def test_options_of_vertex_ai_are_refused(new_project: NewProject, options: list[str]) -> None:
    result = write(new_project).invoke("run-once", "--target", "docker", *options)
    assert result.exit_code == 2
    assert "are for --target vertex" in result.stderr


def test_yes_pulls_what_is_not_here_and_nobody_to_answer_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert not pulls(asks=True)("image:1")
    assert pulls(asks=False)("image:1")
    assert capsys.readouterr().out == "Pulling image:1\n"
