"""KFP's executor input is read as each engine writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.executor_input import ExecutorInput, OutputFacts, local_path


def artifact(uri: str, **more: Any) -> dict[str, Any]:
    return {
        "artifacts": [{"name": "n", "type": {"schemaTitle": "system.Dataset"}, "uri": uri, **more}]
    }


def parse(**document: Any) -> ExecutorInput:
    return ExecutorInput.parse(json.dumps(document))


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/run/x", "/gcs/bucket/run/x"),
        ("gs://bucket/a%20b#1.csv", "/gcs/bucket/a%20b#1.csv"),
        ("s3://bucket/x", "/s3/bucket/x"),
        ("minio://bucket/x", "/minio/bucket/x"),
        ("/work/x", "/work/x"),
        ("/work/a b%20c", "/work/a b%20c"),
        ("file:///work/a%20b", "/work/a b"),
        ("relative/x", "relative/x"),
    ],
)
def test_a_uri_is_where_the_engine_mounts_it(uri: str, path: str) -> None:
    assert local_path(uri) == Path(path)


def test_a_uri_that_no_engine_mounts_is_refused() -> None:
    with pytest.raises(TaskError, match=r"bq://\.\.\. is not on a file system"):
        local_path("bq://project.dataset.table")


def test_inputs_and_outputs_are_read() -> None:
    given = parse(
        inputs={"parameterValues": {"n": 5}, "artifacts": {"x": artifact("/x", metadata={"a": 1})}},
        outputs={
            "parameters": {"run": {"outputFile": "/out/run"}},
            "artifacts": {"y": artifact("gs://b/y")},
            "outputFile": "/out/executor.json",
        },
    )
    assert given.parameters == {"n": 5}
    assert given.inputs["x"].metadata == {"a": 1}
    assert given.outputs["y"].path == Path("/gcs/b/y")
    assert given.parameter_files == {"run": Path("/out/run")}


@pytest.mark.parametrize("document", [{}, {"inputs": {}}, {"outputs": {}}])
def test_what_is_left_out_is_empty(document: dict[str, Any]) -> None:
    given = parse(**document)
    assert (given.parameters, given.inputs, given.outputs, given.output_file) == ({}, {}, {}, None)


@pytest.mark.parametrize(
    "text",
    ["", "{{$}}", "[]", "null", '{"inputs": {"artifacts": {"x": {"artifacts": []}}}}'],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(TaskError, match="the task's argument is no KFP executor input"):
        ExecutorInput.parse(text)


def test_the_executor_output_keeps_names_and_the_uris_of_what_lies_there(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "executor.json"
    outputs = {"y": artifact("gs://b/y"), "z": artifact("gs://b/z")}
    given = parse(outputs={"artifacts": outputs, "outputFile": str(file)})
    elsewhere = OutputFacts({}, uri="gs://other/table")
    given.write_output({"y": OutputFacts({"bytes": 5}), "z": elsewhere})
    assert json.loads(file.read_text()) == {
        "artifacts": {
            "y": {"artifacts": [{"name": "n", "uri": "gs://b/y", "metadata": {"bytes": 5}}]},
            "z": {"artifacts": [{"name": "n", "uri": "gs://other/table", "metadata": {}}]},
        }
    }
