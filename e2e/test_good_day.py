"""A project made from the starter, built into an image, and run by three engines in containers.

None of the containers shares a disk with another or with the user; what they compute is what
`kedro run` computes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kfp_local
import outputs
import pytest
from cloud_storage import Bucket
from engine import Engine
from google_service import GoogleService
from network import Network
from project import Project
from registry import Registry
from signed_server import SignedServer

FILES = {
    "data/02_intermediate/clean.parquet",
    "data/05_model_input/test_set.parquet",
    "data/05_model_input/train_set.parquet",
    "data/07_model_output/forest_predictions.csv",
    "data/07_model_output/logistic_predictions.csv",
    "data/08_reporting/feature_ranking.csv",
    "data/08_reporting/roc_curves.png",
}

DOCKER_FILES = ("Dockerfile", ".dockerignore")
WITH_DOCKER = ("vertexai", "init", "my-project", "europe-west1", "--with-docker")

LOOK_AROUND = """
import importlib.metadata, json, os, pathlib

names = {one.name.lower().replace("_", "-") for one in importlib.metadata.distributions()}
wanted = names & {"kfp", "google-cloud-aiplatform", "kedro-vertexai", "kedro-mlflow"}
data = [str(path) for path in pathlib.Path("data").rglob("*") if path.is_file()]
print(json.dumps([sorted(wanted), os.getuid(), data, os.path.exists("conf/base/catalog.yml")]))
"""


@pytest.fixture
def signed(proxy: SignedServer) -> SignedServer:
    """The way to the MLflow server, with nothing counted yet."""
    proxy.seen.clear()
    proxy.refused.clear()
    return proxy


def newest_run(mlflow_host: str) -> Any:
    """The MLflow run that was started last, as the server itself tells of it."""
    from mlflow import MlflowClient

    client = MlflowClient(f"http://{mlflow_host}")
    experiments = [one.experiment_id for one in client.search_experiments()]
    return client.search_runs(experiments, order_by=["attributes.start_time DESC"])[0]


def assert_tracked(mlflow_host: str, job_name: str, signed: SignedServer) -> None:
    """One run, closed as it should be, and no request that was not signed."""
    run = newest_run(mlflow_host)
    assert job_name in run.data.tags["vertexai_job_name"]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["best_score"] > 0.9
    assert {"train.forest.model.estimator", "prepare.positive"} <= run.data.params.keys()
    assert len(signed.seen) > 20
    assert signed.refused == []


def test_kedro_docker_init_and_ours_leave_each_other_alone(
    project: Project, workplace: Path
) -> None:
    """It has run after ours in the project; here it runs before."""
    ours = {name: (project.path / name).read_text("utf-8") for name in DOCKER_FILES}
    assert "kedro_vertexai" in ours["Dockerfile"]
    other = project.copy(workplace / "kedro-docker")
    for name in DOCKER_FILES:
        (other.path / name).unlink()
    assert other.kedro("docker", "init").code == 0
    theirs = (other.path / "Dockerfile").read_text("utf-8")
    assert theirs != ours["Dockerfile"]

    refused = other.kedro(*WITH_DOCKER)
    assert refused.code == 1
    assert "Dockerfile exists: remove it, or --force" in refused.printed
    assert (other.path / "Dockerfile").read_text("utf-8") == theirs

    assert other.kedro(*WITH_DOCKER, "--force").code == 0
    assert {name: (other.path / name).read_text("utf-8") for name in DOCKER_FILES} == ours


def test_kedro_run_makes_the_files_that_are_compared(expected: dict[str, str]) -> None:
    assert expected.keys() >= FILES


def test_no_container_waits_for_the_network_when_another_ends(network: Network) -> None:
    assert network.keeps_its_address


def test_the_image_holds_what_a_task_needs_and_no_more(
    image: str, engine: Engine, project: Project
) -> None:
    printed = engine.docker("run", "--rm", "--network=none", image, "python", "-c", LOOK_AROUND)
    packages, user_id, data, has_configuration = json.loads(printed)
    assert packages == ["kedro-mlflow", "kedro-vertexai"]
    assert user_id == 1000
    assert data == []
    assert has_configuration


def test_vertex_ai_runs_every_task_in_a_container_of_the_pushed_image(
    project: Project,
    image: str,
    expected: dict[str, str],
    vertex: GoogleService,
    vertex_engine: Engine,
    registry: Registry,
    mlflow_host: str,
    signed: SignedServer,
) -> None:
    done = project.vertexai("run-once", "--image", image, "--wait")
    job = vertex.jobs[-1]
    assert job.state == "SUCCEEDED", done.printed
    assert set(job.task_states().values()) == {"SUCCEEDED"}
    containers = [
        executor["container"]
        for executor in job.spec["deploymentSpec"]["executors"].values()
        if "container" in executor
    ]
    assert {container["image"] for container in containers} == {image}
    digest = image.partition("@")[2]
    assert digest in vertex_engine.docker("images", "--digests")
    assert f"/manifests/{digest}" in registry.log.read_text("utf-8")
    assert vertex_engine.containers() == []

    made = outputs.of_vertex_job(job)
    assert made.keys() >= FILES
    assert made == {name: expected[name] for name in made}
    assert_tracked(mlflow_host, job.id, signed)


def test_the_docker_target_computes_the_same_in_containers(
    project: Project,
    image: str,
    expected: dict[str, str],
    engine: Engine,
    mlflow_host: str,
    signed: SignedServer,
) -> None:
    done = project.vertexai("run-once", "--target", "docker", "--image", image)
    record = project.last_local_job()
    assert record["state"] == "SUCCEEDED", done.printed
    assert engine.containers() == []
    made = outputs.of_local_job(record)
    assert made.keys() >= FILES
    assert made == {name: expected[name] for name in made}
    assert_tracked(mlflow_host, record["job_name"], signed)


def test_kfps_own_engine_runs_the_same_spec_to_the_same_end(
    project: Project,
    image: str,
    expected: dict[str, str],
    bucket: Bucket,
    mlflow_host: str,
    signed: SignedServer,
    tmp_path: Path,
) -> None:
    spec, root, buckets = (tmp_path / name for name in ("spec.yaml", "root", "gcs"))
    project.vertexai("compile", "--image", image, "--output", str(spec))
    project.vertexai("stage")
    for name, content in bucket.objects("runs/inputs").items():
        file = buckets / bucket.name / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    # KFP's engine mounts its root as it is, and the container's user is not root.
    tmp_path.chmod(0o755)
    root.mkdir()
    root.chmod(0o777)
    key_file = Path(project.user.variables["GOOGLE_APPLICATION_CREDENTIALS"])
    script = str(Path(kfp_local.__file__))
    argv = ("python", script, str(spec), str(root), str(buckets), str(key_file))
    done = project.user.run(*argv, where=tmp_path, timeout=900)
    assert done.code == 0, done.printed

    made = outputs.of_kfp_run(root)
    assert made.keys() >= FILES
    assert made == {name: expected[name] for name in made}
    assert_tracked(mlflow_host, "tumour-diagnosis", signed)


def test_a_change_of_a_node_pushes_little(
    project: Project, image: str, registry: Registry, workplace: Path
) -> None:
    """The layers of the packages are those of the first image."""
    changed = project.copy(workplace / "changed")
    nodes = changed.path / "src/tumour_diagnosis/pipelines/report/nodes.py"
    nodes.write_text(nodes.read_text("utf-8") + "\n# One line more.\n", encoding="utf-8")
    before = registry.size()
    done = changed.vertexai("build", "--yes", timeout=900)
    assert done.printed.splitlines()[-1] != image
    pushed = registry.size() - before
    print(f"\na change of a node pushes {pushed:,} bytes")
    assert 0 < pushed < 1_000_000
