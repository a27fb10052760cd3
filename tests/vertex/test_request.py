"""What stands in `vertexai.yml` is in the request, in the field that docs/vertex-ai.md names."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest
from google.protobuf import json_format
from project_factory import KedroProject

NewProject = Callable[..., KedroProject]

PAGE = Path(__file__).parents[2] / "docs" / "vertex-ai.md"
_ROW = re.compile(r"^\| `(project_id|region|run_config[^`]*)` \| `([^`]+)` \|$", re.MULTILINE)
FIELDS = dict(_ROW.findall(PAGE.read_text(encoding="utf-8")))

NETWORK = "projects/12345/global/networks/my-network"
KEY = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
PEERING = {"domain": "corp.example.", "target_project": "dns", "target_network": "net"}
RETRY = {"count": 3, "backoff": 10, "factor": 4, "max_backoff": 100}

# By key: what is written under run_config, and what the field then holds.
EXAMPLES: dict[str, tuple[Mapping[str, Any], Any]] = {
    "project_id": ({}, "projects/my-project/locations/europe-west1"),
    "region": ({}, "projects/my-project/locations/europe-west1"),
    "run_config.image": ({"image": "r/i:2"}, "r/i:2"),
    "run_config.root": ({"root": "bucket/x"}, "gs://bucket/x"),
    "run_config.description": ({"description": "Daily"}, "Daily"),
    "run_config.service_account": ({"service_account": "a@b.c"}, "a@b.c"),
    "run_config.network.vpc": ({"network": {"vpc": NETWORK}}, NETWORK),
    "run_config.reserved_ip_ranges": (
        {"reserved_ip_ranges": ["a", "b"], "network": {"vpc": NETWORK}},
        ["a", "b"],
    ),
    "run_config.psc_interface.network_attachment": (
        {"psc_interface": {"network_attachment": "my-attachment"}},
        "my-attachment",
    ),
    "run_config.psc_interface.dns_peering_configs": (
        {"psc_interface": {"network_attachment": "a", "dns_peering_configs": [PEERING]}},
        [{"domain": "corp.example.", "targetProject": "dns", "targetNetwork": "net"}],
    ),
    "run_config.encryption_key": ({"encryption_key": KEY}, KEY),
    "run_config.preflight_validations": ({"preflight_validations": True}, True),
    "run_config.failure_policy": (
        {"failure_policy": "fast"},
        "PIPELINE_FAILURE_POLICY_FAIL_FAST",
    ),
    "run_config.images": ({"images": {"start": "another:1"}}, "another:1"),
    "run_config.caching": ({"caching": True}, True),
    "run_config.resources.<node or tag>.cpu": ({"resources": {"start": {"cpu": 3}}}, 3),
    "run_config.resources.<node or tag>.memory": (
        {"resources": {"start": {"memory": "8G"}}},
        8.0,
    ),
    "run_config.resources.<node or tag>.gpu": (
        {"resources": {"start": {"gpu": 2}}, "node_selectors": {"start": {"x": "NVIDIA_L4"}}},
        "2",
    ),
    "run_config.node_selectors": (
        {"resources": {"start": {"gpu": 1}}, "node_selectors": {"start": {"x": "NVIDIA_L4"}}},
        "NVIDIA_L4",
    ),
    "run_config.retries.<node or tag>.count": ({"retries": {"start": RETRY}}, 3),
    "run_config.retries.<node or tag>.backoff": ({"retries": {"start": RETRY}}, "10s"),
    "run_config.retries.<node or tag>.factor": ({"retries": {"start": RETRY}}, 4),
    "run_config.retries.<node or tag>.max_backoff": ({"retries": {"start": RETRY}}, "100s"),
}


def asked_for(project: KedroProject, *options: str) -> dict[str, Any]:
    """What `--dry-run` prints, which must be a request of the API."""
    result = project.invoke("run-once", "--dry-run", *options)
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    json_format.ParseDict(data, CreatePipelineJobRequest.pb(CreatePipelineJobRequest()))
    return data


def values_at(data: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield data
        return
    first, *rest = path
    found = list(data.values()) if first == "*" else [data[first]] if first in data else []
    for value in found:
        yield from values_at(value, rest)


def test_the_page_names_every_example_and_nothing_else() -> None:
    assert set(FIELDS) == {*EXAMPLES, "run_config.labels"}


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_key_is_in_the_field_that_the_page_names(new_project: NewProject, key: str) -> None:
    run_config, expected = EXAMPLES[key]
    data = asked_for(new_project(run_config=run_config))
    found = list(values_at(data, FIELDS[key].split(".")))
    assert expected in found


@pytest.mark.parametrize("key", [key for key in EXAMPLES if EXAMPLES[key][0]])
def test_a_key_that_is_not_set_asks_for_nothing_of_it(new_project: NewProject, key: str) -> None:
    _, expected = EXAMPLES[key]
    data = asked_for(new_project())
    assert expected not in list(values_at(data, FIELDS[key].split(".")))


def test_labels_lead_back_and_the_users_stand_beside_them(new_project: NewProject) -> None:
    project = new_project(package="shuttles", run_config={"labels": {"team": "space"}})
    job = asked_for(project)["pipelineJob"]
    assert job["labels"] == {
        "kedro_project": "shuttles",
        "kedro_pipeline": "__default__",
        "kedro_env": "local",
        "team": "space",
    }
    assert FIELDS["run_config.labels"] == "pipelineJob.labels"
    assert job["displayName"] == "shuttles"


def test_values_of_this_run_stand_beside_the_spec(new_project: NewProject) -> None:
    job = asked_for(new_project(), "--params", "start=5")["pipelineJob"]
    assert job["runtimeConfig"]["parameterValues"] == {"start": 5}
    inputs = job["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    assert inputs["start"]["defaultValue"] == 1


def test_each_run_has_an_id_of_its_own(new_project: NewProject) -> None:
    project = new_project(package="shuttles")
    first, second = (asked_for(project)["pipelineJobId"] for _ in range(2))
    assert re.fullmatch(r"shuttles-\d{14}-[0-9a-f]{8}", first)
    assert first != second


def test_the_spec_is_the_one_that_compile_writes(new_project: NewProject) -> None:
    project = new_project()
    assert asked_for(project)["pipelineJob"]["pipelineSpec"] == project.spec()


def test_a_dry_run_writes_and_sends_nothing(
    new_project: NewProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("AIPLATFORM", "STORAGE", "LOGGING"):
        monkeypatch.setenv(f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}", "http://127.0.0.1:1")
    project = new_project(
        nodes='NODES = [node(first, "raw", "out", name="read")]',
        catalog={"raw": {"type": "pandas.CSVDataset", "filepath": "data/raw.csv"}},
        files={"data/raw.csv": "a\n1\n"},
        run_config={"experiment_name": "x"},
    )
    before = project.files()
    asked_for(project)
    assert project.files() == before


@pytest.mark.parametrize(
    ("root", "said"),
    [(None, "run_config.root is not set"), ("s3://bucket/x", "takes Cloud Storage alone")],
)
def test_a_root_that_vertex_ai_cannot_use(
    new_project: NewProject, root: str | None, said: str
) -> None:
    result = new_project(run_config={"root": root}).invoke("run-once", "--dry-run")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "options",
    [
        ("--max-workers", "2"),
        ("--target", "local", "--dry-run"),
        ("--target", "local", "--timeout", "3"),
        ("--timeout", "3"),
        ("--wait", "--on-timeout", "cancel"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    new_project: NewProject, options: tuple[str, ...]
) -> None:
    result = new_project().invoke("run-once", *options)
    assert result.exit_code == 2
    assert "Error: --" in result.stderr


def test_a_commit_is_a_label_and_known_to_the_mlflow_run(new_project: NewProject) -> None:
    project = new_project(
        mlflow={"server": {"mlflow_tracking_uri": "https://mlflow.example"}},
        files={".gitignore": "__pycache__\n"},
    )
    git = ["git", "-C", str(project.path), "-c", "user.name=n", "-c", "user.email=e@e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    commit = head.stdout.strip()
    job = asked_for(project)["pipelineJob"]
    assert job["labels"]["git_commit"] == commit
    text = json.dumps(job["pipelineSpec"])
    assert f'\\"commit\\":\\"{commit}\\",\\"dirty\\":\\"false\\"' in text
    assert commit not in json.dumps(project.spec())
