"""Plans of many tasks: one component for all tasks that are alike."""

from typing import Any

from planning import plan_of, step
from spec_reader import checked, document, tasks

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
    assert document(spec, "join")["inputs"] == {"in_1": "left.out", "in_2": "right.out"}
    text = tasks(spec)["join"]["inputs"]["parameters"]["kedro__task"]["runtimeValue"]["constant"]
    told = TaskDocument.parse(text, {"in_1": None, "in_2": None}, {})
    assert [entry.dataset for entry in told.inputs.values()] == ["left.out", "right.out"]


def test_the_edges_are_the_same() -> None:
    sources = tasks(shared())["join"]["inputs"]["artifacts"]
    assert {key: source["taskOutputArtifact"] for key, source in sources.items()} == {
        "in_1": {"producerTask": "left", "outputArtifactKey": "out_1"},
        "in_2": {"producerTask": "right", "outputArtifactKey": "out_1"},
    }
