"""How a spec is read, and what is refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest
from local_specs import SpecBuilder, artifact_of, outer, parameter_of, run

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.graph import ArtifactOf, ParameterOf, PipelineParameter
from kedro_vertexai.targets.local.parameters import resolve_parameters
from kedro_vertexai.targets.local.pipeline_spec import read_graph


def test_specs_of_these_tests_are_valid() -> None:
    json_format = pytest.importorskip("google.protobuf.json_format")
    pytest.importorskip("google.rpc.status_pb2")
    pb2 = pytest.importorskip("kfp.pipeline_spec.pipeline_spec_pb2")
    spec = (
        SpecBuilder()
        .parameter("p", "STRING")
        .importer("i", "/x")
        .run(
            "a",
            parameters={"p": outer("p")},
            artifacts={"in": artifact_of("i", "artifact")},
            writes=("out",),
            retryPolicy={"maxRetryCount": 1, "backoffDuration": "10s"},
        )
        .finish("pass")
    )
    json_format.ParseDict(spec.spec(), pb2.PipelineSpec())


def nested() -> dict[str, Any]:
    """A spec in which `use` reads what `make`, inside a sub-DAG, gives it."""
    inner = (
        SpecBuilder()
        .parameter("word", "STRING")
        .run(
            "make",
            parameters={"word": outer("word")},
            gives={"n": "STRING"},
            writes=("data",),
        )
        .run("other", dependentTasks=["make"])
    )
    outside = (
        SpecBuilder()
        .parameter("top", "STRING", defaultValue="x")
        .run("first")
        .run(
            "use",
            parameters={"n": parameter_of("sub", "n")},
            artifacts={"data": artifact_of("sub", "data")},
        )
    )
    spec = outside.spec()
    spec["components"].update(inner.components)
    spec["deploymentSpec"]["executors"].update(inner.executors)
    made = {"producerSubtask": "make"}
    spec["components"]["comp-sub"] = {
        "inputDefinitions": {"parameters": inner.parameters},
        "dag": {
            "tasks": inner.tasks,
            "outputs": {
                "parameters": {"n": {"valueFromParameter": made | {"outputParameterKey": "n"}}},
                "artifacts": {
                    "data": {"artifactSelectors": [made | {"outputArtifactKey": "data"}]}
                },
            },
        },
    }
    spec["root"]["dag"]["tasks"]["sub"] = {
        "componentRef": {"name": "comp-sub"},
        "dependentTasks": ["first"],
        "inputs": {"parameters": {"word": outer("top")}},
    }
    return spec


def test_a_sub_dag_dissolves() -> None:
    tasks = read_graph(nested()).tasks
    assert list(tasks) == ["first", "make", "use", "other"]
    assert tasks["make"].parameters == {"word": PipelineParameter("top")}
    assert tasks["make"].upstream == ("first",)
    assert tasks["use"].parameters == {"n": ParameterOf("make", "n")}
    assert tasks["use"].artifacts == {"data": ArtifactOf("make", "data")}


def test_equal_names_in_two_sub_dags_stay_apart() -> None:
    spec = nested()
    tasks = spec["root"]["dag"]["tasks"]
    tasks["sub-2"] = {**tasks["sub"], "dependentTasks": ["sub"]}
    graph = read_graph(spec).tasks
    assert {"sub.make", "sub-2.make"} < set(graph)
    assert set(graph["sub-2.make"].upstream) == {"sub.make", "sub.other"}


def test_ten_thousand_tasks_in_a_row() -> None:
    spec = SpecBuilder()
    for number in range(10_000):
        spec.run(f"t{number}", dependentTasks=[f"t{number - 1}"] if number else [])
    assert list(read_graph(spec.spec()).tasks) == [f"t{number}" for number in range(10_000)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("root"), "root.dag"),
        (lambda s: s["root"]["dag"]["tasks"]["a"].pop("componentRef"), "unknown component ''"),
        (lambda s: s["deploymentSpec"].clear(), "executor 'exec-a'"),
        (
            lambda s: s["root"]["dag"]["tasks"]["a"].update(dependentTasks=["x"]),
            "'a' refers to 'x', which is not a task of the root DAG",
        ),
        (lambda s: s["root"]["dag"]["tasks"]["a"].update(dependentTasks=["b"]), "a, b"),
        (
            lambda s: s["root"]["dag"]["tasks"]["a"].update(parameterIterator={}),
            "cannot run parameterIterator",
        ),
        (
            lambda s: s["root"]["dag"]["tasks"]["a"].update(triggerPolicy={"condition": "x"}),
            "triggerPolicy.condition",
        ),
        (
            lambda s: s["root"]["dag"]["tasks"]["a"].update(
                retryPolicy={"backoffDuration": "soon"}
            ),
            "'soon' is not a duration",
        ),
        (
            lambda s: s["components"]["comp-a"].update(
                inputDefinitions={"parameters": {"p": {"parameterType": "STRING"}}}
            ),
            "task 'a' is not given its parameter 'p'",
        ),
        (
            lambda s: s["root"]["dag"]["tasks"]["a"].update(
                inputs={"parameters": {"p": outer("p")}}
            ),
            "'a' reads 'p', which is no parameter of the root DAG",
        ),
        (
            lambda s: s["root"]["dag"]["tasks"]["b"].update(
                inputs={"parameters": {"p": parameter_of("a", "x")}}
            ),
            "task 'b' reads 'x', which is no output of 'a'",
        ),
    ],
)
def test_contradictions(change: Any, message: str) -> None:
    spec = SpecBuilder().run("a").run("b", dependentTasks=["a"]).spec()
    change(spec)
    with pytest.raises(RunError) as caught:
        read_graph(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


DEFINITIONS = {
    "text": {"parameterType": "STRING"},
    "count": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3},
    "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
    "flag": {"parameterType": "BOOLEAN", "defaultValue": False},
    "items": {"parameterType": "LIST", "defaultValue": []},
    "tree": {"parameterType": "STRUCT", "isOptional": True},
}


def test_parameters() -> None:
    assert resolve_parameters(DEFINITIONS, {"text": "x", "rate": 1, "items": [1]}) == {
        "text": "x",
        "count": 3,
        "rate": 1,
        "flag": False,
        "items": [1],
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "pipeline parameter 'text' has no default and was given no value"),
        ({"text": 1}, "pipeline parameter 'text' must be of type STRING, not 1"),
        ({"text": None}, "pipeline parameter 'text' must be of type STRING, not None"),
        ({"text": "x", "count": "3"}, "must be of type NUMBER_INTEGER, not '3'"),
        ({"text": "x", "count": 3.5}, "must be of type NUMBER_INTEGER, not 3.5"),
        ({"text": "x", "count": True}, "must be of type NUMBER_INTEGER, not True"),
        ({"text": "x", "flag": 0}, "must be of type BOOLEAN, not 0"),
        ({"text": "x", "tree": []}, "must be of type STRUCT, not []"),
        ({"text": "x", "items": [{1}]}, "'items' cannot be passed as JSON: Object of type set"),
        ({"text": "x", "cuont": 3}, "unknown pipeline parameter 'cuont', did you mean 'count'?"),
        ({"text": "x", "zzz": 3}, "unknown pipeline parameter 'zzz'; known are: count, flag"),
    ],
)
def test_wrong_parameters(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError) as caught:
        resolve_parameters(DEFINITIONS, values)
    assert message in str(caught.value)


def test_wrong_parameters_leave_nothing_behind(project: Path) -> None:
    with pytest.raises(RunError, match="'x'; it has none"):
        run(SpecBuilder().run("a"), project, values={"x": 1})
    assert not (project / ".vertexai").exists()
