"""Datasets that share a place: a reader finds what Kedro's order of nodes had last put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import node
from planning import by_title, first, plan_of, step

from kedro_vertexai.errors import PlanError
from kedro_vertexai.grouping import TagNodeGrouper
from kedro_vertexai.plan.model import Plan


def csv(path: str) -> dict[str, str]:
    return {"type": "pandas.CSVDataset", "filepath": path}


def parts(path: str) -> dict[str, str]:
    return {"type": "partitions.PartitionedDataset", "path": path, "dataset": "pandas.CSVDataset"}


def taken(plan: Plan, task: str) -> list[tuple[str, str]]:
    """The datasets that a task is handed, in order, each with the task that has it."""
    return [(artifact.dataset, artifact.producer) for artifact in by_title(plan)[task].inputs]


def on_disk(tmp_path: Path, *files: str) -> Path:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"a\n1\n")
    return tmp_path


def test_a_reader_under_another_name_gets_what_was_written_there() -> None:
    plan = plan_of(
        step("writer", None, ["w", "go"]),
        step("reader", ["r", "go"]),
        catalog={"w": csv("data/x.csv"), "r": csv("./data/x.csv")},
    )
    assert taken(plan, "reader") == [("w", "writer"), ("go", "writer")]
    assert plan.missing == ()


def test_a_reader_that_kedro_runs_before_the_writer_gets_what_is_on_the_disk(
    tmp_path: Path,
) -> None:
    plan = plan_of(
        step("a", "before", ["after", "go"]),
        step("b", ["later", "go"]),
        catalog=dict.fromkeys(("before", "after", "later"), csv("data/x.csv")),
        path=on_disk(tmp_path, "data/x.csv"),
    )
    assert taken(plan, "a") == [("before", "input-before")]
    assert taken(plan, "b") == [("after", "a"), ("go", "a")]


def test_files_and_directories_are_laid_over_each_other_in_the_order_of_writing(
    tmp_path: Path,
) -> None:
    plan = plan_of(
        step("a", None, ["one", "a.done"]),
        step("b", "a.done", ["two", "b.done"]),
        step("c", ["all", "b.done"]),
        catalog={
            "one": csv("data/parts/deep/1.csv"),
            "two": csv("data/parts/2.csv"),
            "all": parts("data/parts"),
        },
        path=on_disk(tmp_path, "data/parts/0.csv"),
    )
    assert taken(plan, "c") == [("all", "input-all"), ("one", "a"), ("two", "b"), ("b.done", "b")]


def test_a_file_inside_a_directory_that_was_written_comes_with_it() -> None:
    plan = plan_of(
        step("a", None, ["all", "go"]),
        step("b", ["one", "go"]),
        catalog={"all": parts("data/parts"), "one": csv("data/parts/1.csv")},
    )
    assert taken(plan, "b") == [("all", "a"), ("go", "a")]


def test_names_that_only_begin_alike_share_nothing() -> None:
    plan = plan_of(
        step("a", None, "x"), step("b", "y"), catalog={"x": csv("data/x"), "y": csv("data/x.csv")}
    )
    assert taken(plan, "b") == []
    assert [missing.path for missing in plan.missing] == ["data/x.csv"]


def test_within_a_task_a_place_is_shared_as_on_one_disk() -> None:
    plan = plan_of(
        step("a", None, ["w", "go"], tags=["group.one"]),
        step("b", ["r", "go"], tags=["group.one"]),
        catalog={"w": csv("data/x.csv"), "r": csv("data/x.csv")},
        grouper=TagNodeGrouper(None, "group."),
    )
    assert taken(plan, "one") == []


@pytest.mark.parametrize("other", ["after", "before"])
def test_a_task_that_would_need_two_states_of_a_place_is_refused(
    tmp_path: Path, other: str
) -> None:
    group = ["group.one"]
    nodes = [
        node(first, "x.before", "n1", name="n1", tags=group),
        node(first, "n1" if other == "after" else None, ["x", "n2"], name="n2"),
        node(first, ["x.after", "n2"], "n3", name="n3", tags=group),
    ]
    catalog: dict[str, Any] = dict.fromkeys(("x.before", "x", "x.after"), csv("data/x.csv"))
    where = on_disk(tmp_path, "data/x.csv")
    with pytest.raises(PlanError, match=r"wait for each other|before and after"):
        plan_of(*nodes, catalog=catalog, grouper=TagNodeGrouper(None, "group."), path=where)


def test_at_a_shared_remote_place_tasks_keep_kedros_order() -> None:
    table = csv("gs://bucket/x.csv")
    plan = plan_of(
        step("a", None, "w"),
        step("b", "r"),
        step("c", None, "v"),
        catalog={"w": table, "r": table, "v": csv("gs://bucket/y.csv")},
    )
    tasks = by_title(plan)
    assert tasks["b"].after == ("a",) or tasks["a"].after == ("b",)
    assert tasks["c"].after == ()


def test_a_confirmed_dataset_leaves_the_task_with_its_checkpoint(tmp_path: Path) -> None:
    plan = plan_of(
        step("a", "new"),
        node(first, "a.out", "b.out", name="b", confirms="new"),
        catalog={"new": {**parts("data/new"), "type": "partitions.IncrementalDataset"}},
        path=on_disk(tmp_path, "data/new/1.csv"),
    )
    assert taken(plan, "b") == [("new", "input-new"), ("a.out", "a")]
    assert [(a.dataset, a.path) for a in by_title(plan)["b"].outputs] == [("new", "data/new")]


def test_a_file_system_inside_a_process_reaches_no_other_task() -> None:
    with pytest.raises(PlanError, match=r"'x' lies at memory://.*'b' cannot read there"):
        plan_of(step("a", None, "x"), step("b", "x"), catalog={"x": csv("memory://x.csv")})


def test_what_the_image_holds_is_not_staged(tmp_path: Path) -> None:
    baked = {**csv("data/x.csv"), "metadata": {"vertexai": {"staging": "image"}}}
    uploaded = {**csv("data/y.csv"), "metadata": {"vertexai": {"staging": "upload"}}}
    where = on_disk(tmp_path, "data/x.csv", "data/y.csv", "data/z.csv")
    catalog = {"x": baked, "y": uploaded, "z": csv("data/z.csv")}
    plan = plan_of(step("a", ["x", "y", "z"]), catalog=catalog, path=where)
    assert [staged.dataset for staged in plan.staged] == ["y", "z"]
    in_image = {"staging": "image"}
    plan = plan_of(step("a", ["x", "y", "z"]), catalog=catalog, path=where, run_config=in_image)
    assert [staged.dataset for staged in plan.staged] == ["y"]


def test_an_optional_raw_input_may_be_missing() -> None:
    optional = {**csv("data/x.csv"), "metadata": {"vertexai": {"optional": True}}}
    plan = plan_of(step("a", ["x", "y"]), catalog={"x": optional, "y": csv("data/y.csv")})
    assert [missing.dataset for missing in plan.missing] == ["y"]


def test_an_object_by_the_entrys_own_word_cannot_be_a_raw_input() -> None:
    told = {**csv("data/x.csv"), "metadata": {"vertexai": {"travel": "object"}}}
    with pytest.raises(PlanError, match=r"'a' reads dataset 'x'.*travel: object"):
        plan_of(step("a", "x"), catalog={"x": told})


def test_an_output_may_start_from_what_lies_on_the_disk(tmp_path: Path) -> None:
    told = {"metadata": {"vertexai": {"staging": "upload"}}}
    catalog = {"all": {**parts("data/parts"), **told}, "log": {**csv("data/log.csv"), **told}}
    nodes = (step("a", None, ["all", "log"]), step("b", "all"))
    plan = plan_of(*nodes, catalog=catalog, path=on_disk(tmp_path, "data/parts/0.csv"))
    assert taken(plan, "a") == [("all", "input-all")]
    assert taken(plan, "b") == [("all", "a")]
    assert plan.missing == ()


def test_partitions_that_replace_all_are_laid_over_nothing() -> None:
    plan = plan_of(
        step("a", None, ["one", "go"]),
        step("b", "go", ["two", "done"]),
        step("c", ["all", "done"]),
        catalog={
            "one": parts("data/parts"),
            "two": {**parts("data/parts"), "overwrite": True},
            "all": parts("data/parts"),
        },
    )
    assert taken(plan, "c") == [("two", "b"), ("done", "b")]


def test_a_raw_file_inside_a_directory_that_partitions_are_added_to_is_staged(
    tmp_path: Path,
) -> None:
    plan = plan_of(
        step("a", None, ["all", "go"]),
        step("b", ["settings", "go"]),
        catalog={"all": parts("data/parts"), "settings": csv("data/parts/settings.csv")},
        path=on_disk(tmp_path, "data/parts/settings.csv"),
    )
    assert taken(plan, "b") == [("settings", "input-settings"), ("all", "a"), ("go", "a")]


def test_a_directory_of_nothing_but_what_tasks_write_is_not_missing() -> None:
    plan = plan_of(
        step("a", None, ["one", "go"]),
        step("b", ["all", "go"]),
        catalog={"one": csv("data/parts/1.csv"), "all": parts("data/parts")},
    )
    assert plan.missing == ()
    assert taken(plan, "b") == [("one", "a"), ("go", "a")]


def test_outside_of_the_project_tasks_keep_kedros_order(tmp_path: Path) -> None:
    place = csv(str(on_disk(tmp_path / "outside", "x.csv") / "x.csv"))
    plan = plan_of(
        step("reader", "before"),
        step("writer", None, "after"),
        catalog={"before": place, "after": place},
    )
    assert by_title(plan)["writer"].after == ("reader",)


def test_the_more_goes_to_one_task_the_less_is_told_of_each() -> None:
    names = [f"d{number}" for number in range(100)]
    plan = plan_of(
        step("few", None, "x"), step("one", "x"), step("a", None, names), step("b", names)
    )
    (alone,) = by_title(plan)["few"].outputs
    assert alone.room == 4_000
    assert {artifact.room for artifact in by_title(plan)["a"].outputs} == {205}
