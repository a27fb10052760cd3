"""Datasets that stay where they are: artifacts that say where, or only an order of the tasks."""

from __future__ import annotations

from typing import Any

import pytest
from planning import plan_of, step
from spec_reader import checked, component, document, parents, tasks

from kedro_vertexai.spec.build import build_spec
from kedro_vertexai.spec.dialect import DIALECTS

REMOTE = {
    "raw": {"type": "pandas.CSVDataset", "filepath": "s3://key:secret@bucket/raw.csv"},
    "a.out": {"type": "pandas.CSVDataset", "filepath": "gs://bucket/a.csv", "versioned": True},
    "table": {"type": "pandas.SQLTableDataset", "table_name": "t"},
    "loss": {"type": "kedro_mlflow.io.metrics.MlflowMetricDataset", "key": "loss"},
}
NODES = (step("a", "raw"), step("b", "a.out", ["table", "loss"]), step("c", ["table", "loss"]))


def spec_of(dialect: str) -> dict[str, Any]:
    plan = plan_of(*NODES, catalog=REMOTE)
    return checked(build_spec(plan, root="gs://bucket/runs", dialect=DIALECTS[dialect]))


def test_on_vertex_ai_a_reference_is_an_artifact_whose_uri_its_task_tells() -> None:
    spec = spec_of("vertex")
    assert "a_out" in component(spec, "a")["outputDefinitions"]["artifacts"]
    assert "a_out" in component(spec, "b")["inputDefinitions"]["artifacts"]
    assert document(spec, "a")["outputs"]["a_out"] == {
        "travel": "reference",
        "dataset": "a.out",
        "uri": "gs://bucket/a.csv",
        "versioned": True,
    }


def test_on_vertex_ai_a_raw_reference_is_imported_without_credentials() -> None:
    spec = spec_of("vertex")
    (importer,) = [
        executor["importer"]
        for executor in spec["deploymentSpec"]["executors"].values()
        if "importer" in executor
    ]
    assert importer["artifactUri"] == {"constant": "s3://bucket/raw.csv"}
    assert "secret" not in str(spec)
    assert parents(spec, "a") == {"input-raw"}


def test_on_kubeflow_which_would_download_it_only_the_order_is_kept() -> None:
    spec = spec_of("kubeflow")
    assert parents(spec, "a") == set()
    assert parents(spec, "b") == {"a"}
    assert parents(spec, "c") == {"b"}
    assert "input-raw" not in tasks(spec)
    for task in ("a", "b", "c"):
        assert "artifacts" not in component(spec, task)["inputDefinitions"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_has_no_place_is_waited_for(dialect: str) -> None:
    assert parents(spec_of(dialect), "c") == {"b"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_metrics_are_shown_everywhere_by_their_numbers(dialect: str) -> None:
    outputs = component(spec_of(dialect), "b")["outputDefinitions"]["artifacts"]
    assert {key: value["artifactType"]["schemaTitle"] for key, value in outputs.items()} == {
        "loss": "system.Metrics"
    }
    assert document(spec_of(dialect), "b")["outputs"]["loss"] == {
        "travel": "reference",
        "metrics": True,
    }
