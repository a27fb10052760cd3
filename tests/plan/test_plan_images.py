"""Images by node and tag: found as limits are, and one for a group."""

from typing import Any

import pytest
from planning import by_title, plan_of, step

from kedro_vertexai.errors import ConfigError, PlanError
from kedro_vertexai.grouping import TagNodeGrouper
from kedro_vertexai.plan.model import Plan
from kedro_vertexai.spec.build import build_spec
from kedro_vertexai.spec.dialect import VERTEX

GROUPED = (
    step("load", tags=["group.first"]),
    step("train", "load.out", tags=["group.first", "gpu"]),
)


def plan(*tags: str, **images: str) -> Plan:
    nodes = (step("load"), step("train", "load.out", tags=tags))
    return plan_of(*nodes, run_config={"images": images})


def images(plan: Plan) -> dict[str, str]:
    """By task, the image of its container in the compiled spec."""
    spec = build_spec(plan, root="gs://bucket/runs", dialect=VERTEX)
    executors = spec["deploymentSpec"]["executors"]
    found = {}
    for dag in (spec["root"], *spec["components"].values()):
        for name, task in dag.get("dag", {}).get("tasks", {}).items():
            component = spec["components"][task["componentRef"]["name"]]
            if label := component.get("executorLabel"):
                found[name] = executors[label]["container"]["image"]
    return found


def test_every_task_runs_the_image_unless_it_is_told_otherwise() -> None:
    assert images(plan()) == {"load": "image", "train": "image"}


@pytest.mark.parametrize("named", ["train", "gpu"])
def test_a_task_runs_the_image_of_its_node_or_tag(named: str) -> None:
    assert images(plan("gpu", **{named: "cuda:12"})) == {"load": "image", "train": "cuda:12"}


def test_a_node_beats_its_tag() -> None:
    assert images(plan("gpu", gpu="cuda:11", train="cuda:12"))["train"] == "cuda:12"


def test_two_tags_that_disagree_are_an_error_that_names_both() -> None:
    with pytest.raises(PlanError, match=r"images.*train.*'gpu' says a.*'tall' says b"):
        plan("gpu", "tall", gpu="a", tall="b")


def test_a_group_of_different_images_is_an_error_that_names_its_nodes() -> None:
    with pytest.raises(PlanError, match=r"group 'first'.*'load' in image, 'train' in cuda:12"):
        plan_of(*GROUPED, run_config={"images": {"gpu": "cuda:12"}}, grouper=TagNodeGrouper(None))


@pytest.mark.parametrize("said", [{"first": "cuda:12"}, {"load": "cuda:12", "gpu": "cuda:12"}])
def test_a_group_runs_the_image_of_its_name_or_of_all_its_nodes(said: dict[str, str]) -> None:
    grouped = plan_of(*GROUPED, run_config={"images": said}, grouper=TagNodeGrouper(None))
    assert by_title(grouped)["first"].image == "cuda:12"


def test_the_tasks_of_the_mlflow_run_keep_the_image_of_all() -> None:
    tracked = plan_of(step("train"), run_config={"images": {"train": "cuda:12"}}, tracked=True)
    assert images(tracked) == {
        "mlflow-start-run": "image",
        "train": "cuda:12",
        "mlflow-finish-run": "image",
    }


def test_the_pipeline_at_the_end_may_have_an_image_of_its_own() -> None:
    said: dict[str, Any] = {"on_exit_pipeline": "notify", "images": {"notify": "mailer:1"}}
    last = plan_of(step("train"), on_exit=[step("mail")], run_config=said)
    assert images(last) == {"train": "image", "on-exit": "mailer:1"}


def test_the_image_of_all_is_not_named_among_those_of_some() -> None:
    with pytest.raises(
        ConfigError, match=r"run_config\.images.*run_config\.image, not __default__"
    ):
        plan(__default__="another")
