"""`kedro vertexai pull` of a job of Vertex AI: the API's own JSON, and artifacts in a bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google.cloud.aiplatform_v1.types import PipelineJob
from google_servers import Requests, answering, refused
from project_factory import KedroProject

NewProject = Callable[..., KedroProject]
ENDPOINT = "CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM"
JOB = "shop-20260102030405"
NAME = f"projects/my-project/locations/europe-west1/pipelineJobs/{JOB}"
MISSING = f"no job '{JOB}' on this machine"
VERTEX = "Vertex AI in project my-project, region europe-west1,"
LOGIN = "run `gcloud auth application-default login`"
CATALOG = {
    "table": {"type": "pandas.CSVDataset", "filepath": "data/table.csv"},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/parts", "dataset": "x"},
    "empty": {"type": "partitions.PartitionedDataset", "path": "data/empty", "dataset": "x"},
    "absent": {"type": "json.JSONDataset", "filepath": "data/absent.json"},
}


@pytest.fixture
def project(new_project: NewProject) -> KedroProject:
    return new_project(catalog=CATALOG)


def artifact(dataset: str, uri: str, **metadata: Any) -> dict[str, Any]:
    """One output of a task: metadata as our runtime writes them."""
    return {
        "name": "projects/1/locations/europe-west1/metadataStores/default/artifacts/1",
        "uri": uri,
        "schema_title": "system.Dataset",
        "metadata": {"dataset": dataset, "path": f"data/{dataset}", **metadata},
    }


def task(name: str, end: str, *outputs: dict[str, Any], state: str = "SUCCEEDED") -> dict[str, Any]:
    return {
        "task_name": name,
        "state": state,
        "end_time": f"2026-01-02T{end}Z",
        "outputs": {f"out{n}": {"artifacts": [one]} for n, one in enumerate(outputs)},
    }


def job_json(*tasks: dict[str, Any], state: str = "PIPELINE_STATE_SUCCEEDED") -> str:
    """A job as the API writes it for this client: camelCase, enums as numbers."""
    job = PipelineJob(name=NAME, state=state, job_detail={"task_details": list(tasks)})
    text = PipelineJob.to_json(job)
    assert '"taskDetails"' in text
    return text


def refusal(project: KedroProject, *arguments: str) -> str:
    done = project.invoke("pull", *arguments)
    assert isinstance(done.exception, SystemExit), done.exception
    assert not (project.path / "data").exists()
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def test_outputs_come_from_the_job_and_its_bucket(
    project: KedroProject, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = f"gs://{bucket.name}/root/parts"
    bucket.put("root/parts/1.csv", b"1")
    bucket.put("root/parts/x/2.csv", b"2")
    bad = artifact("table", bucket.put("root/bad", b"bad"))
    body = job_json(
        # The API does not sort tasks.
        task("second", "03:00:00", artifact("table", bucket.put("root/new", b"new"), bytes=3)),
        task("first", "02:00:00", artifact("table", bucket.put("root/old", b"old"))),
        task("cached", "02:00:00", artifact("parts", parts), state="SKIPPED"),
        task(
            "third",
            "04:00:00",
            artifact("empty", f"gs://{bucket.name}/root/empty", empty=True),
            artifact("absent", f"gs://{bucket.name}/root/absent", absent=True),
        ),
        task("failed", "05:00:00", bad, state="FAILED"),
        {"task_name": "shop", "state": "SUCCEEDED"},
    )
    seen: Requests = []
    with answering(200, body, seen) as url:
        monkeypatch.setenv(ENDPOINT, url)
        done = project.invoke("pull", JOB)
    assert done.exit_code == 0, done.output
    written = {name: data for name, data in project.files().items() if name.startswith("data/")}
    assert written == {
        "data/table.csv": b"new",
        "data/parts/1.csv": b"1",
        "data/parts/x/2.csv": b"2",
    }
    assert list((project.path / "data" / "empty").iterdir()) == []
    assert done.stdout.splitlines()[-1] == f"job {JOB}: 3 files written (5 bytes)"
    # No token goes over a connection that everybody can read.
    assert seen == [(f"/v1/{NAME}", "")]


def test_a_job_that_runs_gives_what_it_has(
    project: KedroProject, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = artifact("table", bucket.put("root/table", b"1"))
    body = job_json(task("first", "01:00:00", table), state="PIPELINE_STATE_RUNNING")
    with answering(200, body) as url:
        monkeypatch.setenv(ENDPOINT, url)
        done = project.invoke("pull", JOB)
    assert f"job {JOB} is RUNNING" in done.stderr
    assert (project.path / "data" / "table.csv").read_bytes() == b"1"


@pytest.mark.parametrize("uri", ["/etc/passwd", "file:///etc/passwd", "simplecache::gs://b/x"])
def test_a_job_elsewhere_has_nothing_on_this_machine(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    with answering(200, job_json(task("first", "01:00:00", artifact("table", uri)))) as url:
        monkeypatch.setenv(ENDPOINT, url)
        message = refusal(project, JOB)
    assert f"dataset 'table' is not in Cloud Storage but at '{uri}'" in message


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, f"{MISSING}, and none on Vertex AI in project my-project, region europe-west1"),
        (403, f"{MISSING}; {VERTEX} denies permission: the server's words"),
        (401, f"{MISSING}; {VERTEX} cannot be asked without valid credentials: {LOGIN}"),
        (503, f"{MISSING}; {VERTEX} answers 503: the server's words"),
    ],
)
def test_a_refusal_is_one_line(
    project: KedroProject, monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    with answering(status, refused(status, "the server's words")) as url:
        monkeypatch.setenv(ENDPOINT, url)
        message = refusal(project, JOB)
    assert message == reason


def test_without_a_network(project: KedroProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    assert refusal(project, JOB) == f"{MISSING}; {VERTEX} cannot be reached: ConnectionError"


def test_without_credentials(
    nobody: None, project: KedroProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert "cannot be asked without valid credentials" in refusal(project, JOB)
