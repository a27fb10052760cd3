"""Limits and retries: a node's name beats its tags, and those beat the default."""

from typing import Any

import pytest
from planning import by_title, plan_of, step

from kedro_vertexai.errors import PlanError
from kedro_vertexai.grouping import TagNodeGrouper
from kedro_vertexai.plan.model import Resources, Retry, Task

NODE = "data_science.train_model"
GPU = "NVIDIA_TESLA_T4"


def train(tags: tuple[str, ...] = (), **run_config: Any) -> Task:
    return by_title(plan_of(step(NODE, tags=tags), run_config=run_config))[NODE]


def cpu(*tags: str, **resources: dict[str, Any]) -> str | None:
    return train(tags, resources=resources).resources.cpu


def test_without_configuration_a_task_gets_the_default_limits() -> None:
    assert train().resources == Resources(cpu="500m", memory="1024Mi")


def test_the_default_may_be_taken_off() -> None:
    limits = train(resources={"__default__": {"cpu": None, "memory": None}}).resources
    assert limits == Resources()


@pytest.mark.parametrize("written", [NODE, "data-science-train-model"])
def test_a_node_is_found_by_its_kedro_name_and_by_its_cleaned_name(written: str) -> None:
    assert cpu(**{written: {"cpu": 8}}) == "8"


def test_the_kedro_name_beats_the_cleaned_one() -> None:
    assert cpu(**{NODE: {"cpu": 8}, "data-science-train-model": {"cpu": 4}}) == "8"


def test_a_node_beats_its_tag_and_a_tag_beats_the_default() -> None:
    tagged = {"big": {"cpu": 4}, "__default__": {"cpu": 1}}
    assert cpu(**tagged) == "1"
    assert cpu("big", **tagged) == "4"
    assert cpu("big", **tagged, **{NODE: {"cpu": 2}}) == "2"


def test_each_key_is_looked_up_by_itself() -> None:
    limits = train(
        ("big",), resources={NODE: {"cpu": 8}, "big": {"cpu": 4, "memory": "32Gi"}}
    ).resources
    assert (limits.cpu, limits.memory) == ("8", "32Gi")


def test_two_tags_that_disagree_are_an_error_that_names_both() -> None:
    with pytest.raises(PlanError, match=rf"resources.*{NODE}.*'big' says 4.*'tall' says 8"):
        cpu("tall", "big", big={"cpu": 4}, tall={"cpu": 8})


def test_two_tags_that_agree_are_none() -> None:
    assert cpu("tall", "big", big={"cpu": 4}, tall={"cpu": 4}) == "4"


def test_tags_may_disagree_about_a_node_that_has_its_own_entry() -> None:
    assert cpu("tall", "big", big={"cpu": 4}, tall={"cpu": 8}, **{NODE: {"cpu": 1}}) == "1"


@pytest.mark.parametrize("named", [NODE, "data-science-train-model", "heavy"])
def test_an_accelerator_is_found_by_node_or_tag_whatever_its_key(named: str) -> None:
    limits = train(
        ("heavy",),
        resources={NODE: {"gpu": 2}},
        node_selectors={named: {"cloud.google.com/gke-accelerator": GPU}},
    ).resources
    assert (limits.accelerator, limits.accelerator_count) == (GPU, 2)


@pytest.mark.parametrize("named", [NODE, "heavy"])
def test_an_accelerator_type_alone_asks_for_one(named: str) -> None:
    # As for version 1.0, whose files need no gpu.
    limits = train(("heavy",), node_selectors={named: {"any": GPU}}).resources
    assert (limits.accelerator, limits.accelerator_count) == (GPU, 1)


def test_the_type_of_all_tasks_gives_none_of_them_an_accelerator() -> None:
    assert train(node_selectors={"__default__": {"any": GPU}}).resources.accelerator is None


def test_accelerators_of_no_type_are_an_error() -> None:
    with pytest.raises(PlanError, match=rf"{NODE}.*node_selectors"):
        train(resources={NODE: {"gpu": 1}})


def test_zero_accelerators_switch_the_default_off() -> None:
    limits = train(
        resources={"__default__": {"gpu": 1}, NODE: {"gpu": 0}},
        node_selectors={NODE: {"any": GPU}},
    ).resources
    assert limits.accelerator is None


def test_the_default_may_name_an_accelerator() -> None:
    limits = train(
        resources={"__default__": {"gpu": 1}}, node_selectors={"__default__": {"any": GPU}}
    ).resources
    assert (limits.accelerator, limits.accelerator_count) == (GPU, 1)


def test_a_group_gets_the_most_that_its_nodes_ask_for() -> None:
    plan = plan_of(
        step("a", tags=["group.g"]),
        step("b", "a.out", tags=["group.g"]),
        grouper=TagNodeGrouper(None),
        run_config={
            "resources": {
                "a": {"cpu": "900m", "memory": "2000Mi"},
                "b": {"cpu": 8, "memory": "1Gi"},
            },
            "retries": {"a": 1, "b": 3},
        },
    )
    assert plan.tasks[0].resources == Resources(cpu="8", memory="2000Mi")
    assert plan.tasks[0].retry.count == 3


def test_a_group_is_found_by_its_own_name() -> None:
    plan = plan_of(
        step("a", tags=["group.g"]),
        step("b", "a.out", tags=["group.g"]),
        grouper=TagNodeGrouper(None),
        run_config={"resources": {"a": {"cpu": 16}, "g": {"cpu": 2}}},
    )
    assert plan.tasks[0].resources.cpu == "2"


def test_a_group_that_needs_two_accelerators_is_an_error() -> None:
    with pytest.raises(PlanError, match="'g'"):
        plan_of(
            step("a", tags=["group.g"]),
            step("b", "a.out", tags=["group.g"]),
            grouper=TagNodeGrouper(None),
            run_config={"node_selectors": {"a": {"x": GPU}, "b": {"x": "NVIDIA_L4"}}},
        )


def test_a_task_is_not_retried_unless_configured() -> None:
    assert train().retry.count == 0


@pytest.mark.parametrize(
    "retries",
    [2, {"__default__": 2}, {NODE: 2, "__default__": 5}, {"flaky": 2}, {"flaky": {"count": 2}}],
)
def test_retries_are_found_like_resources(retries: object) -> None:
    assert train(("flaky",), retries=retries).retry == Retry(count=2)


def test_a_retry_says_how_long_to_wait() -> None:
    asked = {"count": 4, "backoff": 5, "factor": 1.5, "max_backoff": 60}
    assert train(retries={NODE: asked}).retry == Retry(4, 5.0, 1.5, 60.0)


def test_two_tags_that_disagree_about_retries_are_an_error() -> None:
    with pytest.raises(PlanError, match="retries"):
        train(("x", "y"), retries={"x": 1, "y": 2})


def cached(*tags: str, caching: Any) -> bool:
    return train(tags, caching=caching).caching


def test_caching_is_found_as_limits_are() -> None:
    assert cached(caching=True)
    assert not cached("slow", caching={NODE: False, "slow": True, "__default__": True})
    assert cached("slow", caching={"slow": True})
    assert not cached("slow", caching={"fast": True})
    with pytest.raises(PlanError, match=rf"caching.*{NODE}.*'fast' says False.*'slow' says True"):
        cached("slow", "fast", caching={"slow": True, "fast": False})


@pytest.mark.parametrize(
    ("caching", "expected"),
    [
        ({"a": True}, False),
        ({"a": True, "b": True}, True),
        ({"b": False, "__default__": True}, False),
        ({"g": True}, True),
    ],
)
def test_a_group_may_be_cached_if_each_of_its_nodes_may(
    caching: dict[str, bool], expected: bool
) -> None:
    plan = plan_of(
        step("a", tags=["group.g"]),
        step("b", "a.out", tags=["group.g"]),
        grouper=TagNodeGrouper(None),
        run_config={"caching": caching},
    )
    assert plan.tasks[0].caching is expected
