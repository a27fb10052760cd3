"""What a pre-flight says of a spec without asking anybody: resources, sizes, names, labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from preflight_specs import accelerator, constant, spec_of

from kedro_vertexai.targets.vertex.client import GoogleClients, Location
from kedro_vertexai.targets.vertex.preflight import Finding, Level, Subject
from kedro_vertexai.targets.vertex.preflight.resources import check_resources, known_accelerators
from kedro_vertexai.targets.vertex.preflight.spec_limits import check_spec

CLIENTS = GoogleClients(Location("my-project", "europe-west1"))
ROOT = "gs://my-bucket/runs"


def of_resources(**resources: Any) -> list[Finding]:
    return list(check_resources(CLIENTS, Subject(spec_of(resources=resources), ROOT)))


def errors(findings: Iterable[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.level is Level.ERROR]


def of_spec(spec: dict[str, Any], **job: Any) -> list[str]:
    return errors(check_spec(CLIENTS, Subject(spec, ROOT, **job)))


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"cpuLimit": 96.0, "memoryLimit": 624.0},
        accelerator("NVIDIA_TESLA_T4"),
        accelerator("NVIDIA_A100_80GB", 8),
        accelerator("TPU_V3", 32),
    ],
)
def test_what_vertex_ai_has_is_no_finding(resources: dict[str, Any]) -> None:
    assert of_resources(**resources) == []


def test_more_cpus_than_any_machine_has_are_an_error_that_names_the_task() -> None:
    [line] = errors(of_resources(cpuLimit=97.0))
    assert line.startswith("task train asks for 97 CPUs, Vertex AI Pipelines has machines up to 96")


def test_more_memory_than_any_machine_has_is_an_error() -> None:
    [line] = errors(of_resources(memoryLimit=700.0))
    assert "asks for 700 GB of memory" in line
    assert "624 GB" in line


def test_624_gib_may_or_may_not_be_too_much() -> None:
    [finding] = of_resources(memoryLimit=624 * 2**30 / 1e9)
    assert finding.level is Level.WARNING


@pytest.mark.parametrize("kind", ["nvidia-tesla-t4", "nvidia.tesla.t4"])
def test_a_name_of_another_product_is_an_error_with_vertex_ais_own(kind: str) -> None:
    [line] = errors(of_resources(**accelerator(kind)))
    assert line.endswith("did you mean 'NVIDIA_TESLA_T4'?")


def test_an_accelerator_newer_than_the_installed_client_stops_nothing() -> None:
    [finding] = of_resources(**accelerator("NVIDIA_Z900"))
    assert finding.level is Level.WARNING
    assert "NVIDIA_Z900" in str(finding)


def test_an_accelerator_that_is_gone_is_an_error() -> None:
    [line] = errors(of_resources(**accelerator("NVIDIA_TESLA_K80")))
    assert "no longer" in line


@pytest.mark.parametrize("count", [3, 5, 32])
def test_a_number_of_gpus_that_no_machine_has_is_an_error(count: int) -> None:
    [line] = errors(of_resources(**accelerator("NVIDIA_TESLA_T4", count)))
    assert f"asks for {count} of NVIDIA_TESLA_T4, machines have 1, 2, 4, 8, 16" in line


def test_the_unspecified_accelerator_is_none() -> None:
    assert "ACCELERATOR_TYPE_UNSPECIFIED" not in known_accelerators()


def test_tasks_that_share_a_container_are_one_finding() -> None:
    spec = spec_of(resources={"cpuLimit": 200.0})
    tasks = spec["root"]["dag"]["tasks"]
    tasks["score"] = tasks["train"]
    [finding] = check_resources(CLIENTS, Subject(spec, ROOT))
    assert "task train (and 1 more)" in str(finding)


def test_an_ordinary_spec_is_described_and_has_no_fault() -> None:
    [finding] = check_spec(CLIENTS, Subject(spec_of(), ROOT))
    assert finding.level is Level.NOTE
    assert "1 task," in str(finding)


def test_an_argument_that_linux_refuses_is_an_error() -> None:
    [line] = of_spec(spec_of(args=("x" * 128 * 1024,)))
    assert "task train gets 128 KiB as one argument" in line


def test_an_argument_of_one_byte_less_is_none() -> None:
    assert of_spec(spec_of(args=("x" * (128 * 1024 - 1),))) == []


def test_constants_count_as_parts_of_the_one_argument_that_holds_all_inputs() -> None:
    half = constant("x" * 70_000)
    assert of_spec(spec_of(given={"one": half})) == []
    assert "task train" in of_spec(spec_of(given={"one": half, "two": half}))[0]


def test_a_default_counts_unless_the_job_has_another_value() -> None:
    spec = spec_of(
        given={"large": {"componentInputParameter": "large"}},
        inputs={"large": {"defaultValue": "x" * 140_000}},
    )
    assert len(of_spec(spec)) == 1
    assert of_spec(spec, values={"large": "small"}) == []


def test_a_value_given_for_this_job_counts() -> None:
    spec = spec_of(given={"large": {"componentInputParameter": "large"}}, inputs={"large": {}})
    assert len(of_spec(spec, values={"large": "x" * 140_000})) == 1


def test_quotes_count_as_they_are_escaped() -> None:
    assert len(of_spec(spec_of(given={"one": constant('"' * 70_000)}))) == 1


def test_inputs_count_only_where_the_container_gets_them() -> None:
    assert of_spec(spec_of(args=("task",), given={"one": constant("x" * 140_000)})) == []


def test_a_display_name_may_have_128_characters() -> None:
    assert of_spec(spec_of(), display_name="ü" * 128) == []
    assert "129 characters" in of_spec(spec_of(), display_name="ü" * 129)[0]


@pytest.mark.parametrize(
    "labels", [{"team": "data"}, {"team": ""}, {"k_1-a": "9"}, {"größe": "groß"}]
)
def test_labels_that_google_takes_are_no_finding(labels: dict[str, str]) -> None:
    assert of_spec(spec_of(), labels=labels) == []


@pytest.mark.parametrize(
    "labels", [{"Team": "data"}, {"team": "a b"}, {"1": "x"}, {"": "x"}, {"team": "x" * 65}]
)
def test_labels_that_google_refuses_are_errors(labels: dict[str, str]) -> None:
    [line] = of_spec(spec_of(), labels=labels)
    assert line.startswith("label '")


def test_a_job_may_have_64_labels() -> None:
    assert of_spec(spec_of(), labels={f"k{n}": "" for n in range(64)}) == []
    assert "65 labels" in of_spec(spec_of(), labels={f"k{n}": "" for n in range(65)})[0]
