"""The starter on Vertex AI: a job and its MLflow run, each leading to the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloud_storage import Bucket
from google_service import GoogleService
from google_service.images import split
from mlflow_server import running_mlflow
from project_factory import KedroProject

from kedro_vertexai import templates
from kedro_vertexai.storage import open_filesystem

pytestmark = pytest.mark.slow

IMAGE = "europe-west1-docker.pkg.dev/my-project/kedro/tumour-diagnosis:1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real MLflow server."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    with running_mlflow(folder) as host:
        yield f"http://{host}"


@pytest.fixture
def project(tmp_path: Path, service: GoogleService, bucket: Bucket, server: str) -> KedroProject:
    """As a user makes it: from the starter, with a commit, a bucket, an image and a server."""
    starter = templates.templates_dir() / "starter"
    new = ["kedro", "new", f"--starter={starter}", "--name=Tumour Diagnosis"]
    subprocess.run([sys.executable, "-m", *new], cwd=tmp_path, check=True, capture_output=True)
    made = KedroProject(tmp_path / "tumour-diagnosis", "tumour_diagnosis")
    assert made.kedro("vertexai", "init", "my-project", "europe-west1").returncode == 0
    said = {
        "vertexai": {"run_config": {"root": bucket.root.removeprefix("gs://"), "image": IMAGE}},
        "mlflow": {"server": {"mlflow_tracking_uri": server}},
    }
    (made.path / "conf/cloud").mkdir()
    for name, settings in said.items():
        base = yaml.safe_load((made.path / f"conf/base/{name}.yml").read_text())
        merged = {key: {**(base.get(key) or {}), **values} for key, values in settings.items()}
        (made.path / f"conf/cloud/{name}.yml").write_text(yaml.safe_dump({**base, **merged}))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        author = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *author, *command], cwd=made.path, check=True)
    service.images.push(IMAGE, made.path)
    return made


def the_run(server: str, job: str) -> Any:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=server)
    experiments = [one.experiment_id for one in client.search_experiments()]
    (run,) = client.search_runs(experiments, f"tags.vertexai_job_name = '{job}'")
    return run


def test_job_and_run_of_the_starter_lead_to_each_other(
    project: KedroProject, service: GoogleService, server: str
) -> None:
    done = project.kedro("vertexai", "-e", "cloud", "run-once", "--wait", timeout=400)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed

    job = service.job()
    assert job.state == "SUCCEEDED"
    states = job.task_states()
    assert set(states.values()) == {"SUCCEEDED"}
    assert len(states) > 15

    run = the_run(server, job.id)
    assert run.info.status == "FINISHED"
    tags, labels = run.data.tags, job.message().labels
    assert f"/pipelines/runs/{job.id}?project=my-project" in tags["vertexai_job_url"]
    assert tags["vertexai_job_url"] in printed
    image = service.images.find(*split(IMAGE))
    assert image is not None
    assert tags["vertexai_image"] == f"{IMAGE.removesuffix(':1')}@{image.digest}"
    commit = tags["mlflow.source.git.commit"]
    assert commit.startswith(labels["git_commit"])
    assert tags["vertexai_git_dirty"] == "false"
    assert labels["kedro_project"] == "tumour_diagnosis"
    assert labels["kedro_env"] == tags["kedro_env"] == "cloud"
    assert {"train.forest.model.estimator"} <= run.data.params.keys()
    assert run.data.metrics["best_score"] > 0.9
    assert run.info.run_id in project.kedro("vertexai", "-e", "cloud", "status", job.id).stdout

    # Every output of the catalog lies in the bucket, where the summary says.
    fs, _ = open_filesystem("gs://")
    places = [word for line in printed.splitlines() for word in line.split() if "gs://" in word]
    assert places
    assert all(fs.exists(place) for place in places if place.startswith("gs://"))
