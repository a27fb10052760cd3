"""Plans of many tasks: one component for all tasks that are alike."""

from typing import Any

import pytest
from planning import plan_of, step
from spec_reader import checked, component, document, tasks

from kedro_vertexai.runtime.task_document import TaskDocument
from kedro_vertexai.spec.build import build_spec

NODES = (
    step("load"),
    step("left", "load.out"),
    step("right", "load.out"),
    step("join", ["left.out", "right.out", "params:how"]),
)


def shared() -> dict[str, Any]:
    plan = plan_of(*NODES, parameters={"how": "inner"})
    return checked(build_spec(plan, root="gs://bucket/runs", share_from=3))


def test_tasks_alike_share_a_component() -> None:
    names = {name: task["componentRef"]["name"] for name, task in tasks(shared()).items()}
    assert names["left"] == names["right"]
    assert len(set(names.values())) == 3


def test_a_plan_that_a_person_reads_keeps_its_names() -> None:
    spec = build_spec(plan_of(*NODES, parameters={"how": "inner"}), root="r", share_from=4)
    assert set(spec["components"]) == {"comp-load", "comp-left", "comp-right", "comp-join"}


def test_each_task_is_told_its_datasets_by_name() -> None:
    spec = shared()
    assert document(spec, "join")["inputs"] == {"in__1": "left.out", "in__2": "right.out"}
    text = tasks(spec)["join"]["inputs"]["parameters"]["kedro__task"]["runtimeValue"]["constant"]
    told = TaskDocument.parse(text, {"in__1": None, "in__2": None}, {})
    assert [entry.dataset for entry in told.inputs.values()] == ["left.out", "right.out"]


def test_the_edges_are_the_same() -> None:
    sources = tasks(shared())["join"]["inputs"]["artifacts"]
    assert {key: source["taskOutputArtifact"] for key, source in sources.items()} == {
        "in__1": {"producerTask": "left", "outputArtifactKey": "out__1"},
        "in__2": {"producerTask": "right", "outputArtifactKey": "out__1"},
    }


@pytest.mark.parametrize("size", [1, 100_000])
def test_parameters_of_any_name_stay_apart_from_shared_keys(size: int) -> None:
    names = ["in_1", "in_2", "out_1", "in1"]
    plan = plan_of(
        step("load"),
        step("last", ["load.out", *(f"params:{name}" for name in names)]),
        parameters={name: [name * size] for name in names},
    )
    spec = checked(build_spec(plan, root="gs://bucket/runs", share_from=1))
    found = component(spec, "last")["inputDefinitions"]
    assert found["artifacts"].keys().isdisjoint(found["parameters"])
    told = document(spec, "last")
    inline, files = (len(names), 0) if size == 1 else (0, 1)
    assert (len(told.get("parameters", {})), len(told["inputs"]) - 1) == (inline, files)
