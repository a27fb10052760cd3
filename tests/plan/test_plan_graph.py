"""What will run, in which order, and what crosses from one task to another."""

from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node
from planning import by_title, first, plan_of, step

from kedro_vertexai.errors import PlanError
from kedro_vertexai.grouping import Grouping, NodeGrouper, TagNodeGrouper
from kedro_vertexai.plan.model import Plan, Travel

LOCAL = {"type": "pickle.PickleDataset", "filepath": "data/x.pkl"}
REMOTE = {"type": "pickle.PickleDataset", "filepath": "gs://bucket/x.pkl"}


@st.composite
def dags(draw: st.DrawFn) -> list[Node]:
    """Nodes that read any of what the nodes before them write."""
    nodes = []
    for number in range(draw(st.integers(1, 8))):
        before = [f"d{earlier}" for earlier in range(number)]
        inputs = draw(st.lists(st.sampled_from(before), unique=True) if before else st.just([]))
        nodes.append(node(first, inputs or None, f"d{number}", name=f"n{number}"))
    return nodes


def kinds(count: int) -> st.SearchStrategy[dict[str, dict[str, str]]]:
    entries = {
        f"d{number}": st.sampled_from(
            [
                None,
                {**LOCAL, "filepath": f"data/{number}.pkl"},
                {**REMOTE, "filepath": f"gs://bucket/{number}.pkl"},
                {"type": "pandas.SQLTableDataset", "table_name": f"t{number}"},
            ]
        )
        for number in range(count)
    }
    return st.fixed_dictionaries(entries).map(
        lambda chosen: {name: entry for name, entry in chosen.items() if entry}
    )


def dependencies(plan: Plan) -> dict[str, set[str]]:
    tasks = {task.name for task in plan.tasks}
    return {
        task.name: ({artifact.producer for artifact in task.inputs} | set(task.after)) & tasks
        for task in plan.tasks
    }


@given(nodes=dags(), data=st.data())
def test_tasks_wait_for_exactly_what_kedro_waits_for(
    nodes: list[Node], data: st.DataObject
) -> None:
    catalog = data.draw(kinds(len(nodes)))
    plan = plan_of(*nodes, catalog=catalog)
    kedro = {
        child.name: {parent.name for parent in parents}
        for child, parents in Pipeline(nodes).node_dependencies.items()
    }
    assert dependencies(plan) == kedro
    order = [task.name for task in plan.tasks]
    assert order == [item.name for item in Pipeline(nodes).nodes]


@given(nodes=dags(), data=st.data())
def test_groups_wait_for_what_their_nodes_wait_for(nodes: list[Node], data: st.DataObject) -> None:
    # Consecutive nodes share a group, so that no groups wait for each other.
    cuts = sorted(data.draw(st.sets(st.integers(0, len(nodes)))))
    group = {item.name: f"g{sum(cut <= row for cut in cuts)}" for row, item in enumerate(nodes)}
    tagged = [item.tag(f"group.{group[item.name]}") for item in nodes]
    plan = plan_of(*tagged, grouper=TagNodeGrouper(None))
    expected: dict[str, set[str]] = {name: set() for name in group.values()}
    for child, parents in Pipeline(nodes).node_dependencies.items():
        expected[group[child.name]] |= {group[parent.name] for parent in parents}
    assert dependencies(plan) == {name: parents - {name} for name, parents in expected.items()}
    ran = [name for task in plan.tasks for name in task.nodes]
    assert sorted(ran) == sorted(group)
    position = {name: row for row, name in enumerate(ran)}
    for child, parents in Pipeline(nodes).node_dependencies.items():
        assert all(position[parent.name] < position[child.name] for parent in parents)


@given(nodes=dags(), data=st.data())
def test_the_plan_does_not_depend_on_the_order_of_the_nodes(
    nodes: list[Node], data: st.DataObject
) -> None:
    assert plan_of(*data.draw(st.permutations(nodes))) == plan_of(*nodes)


def test_the_tasks_come_in_an_order_in_which_they_can_run() -> None:
    plan = plan_of(step("b", "a.out"), step("c", "b.out"), step("a"))
    assert [task.name for task in plan.tasks] == ["a", "b", "c"]
    assert list(TopologicalSorter(dependencies(plan)).static_order()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("entry", "travel"),
    [
        (None, Travel.OBJECT),
        ({"type": "MemoryDataset"}, Travel.OBJECT),
        (LOCAL, Travel.FILE),
        ({**LOCAL, "versioned": True}, Travel.FILE),
    ],
)
def test_an_intermediate_dataset_travels_as_what_it_is(
    entry: dict[str, object] | None, travel: Travel
) -> None:
    tasks = by_title(
        plan_of(step("a"), step("b", "a.out"), catalog={"a.out": entry} if entry else {})
    )
    (output,), (given_,) = tasks["a"].outputs, tasks["b"].inputs
    assert output.travel is given_.travel is travel
    assert (given_.producer, given_.producer_key) == ("a", output.key)
    assert given_.path == (LOCAL["filepath"] if travel is Travel.FILE else "")


def test_what_lies_where_every_machine_reaches_it_is_a_reference() -> None:
    tasks = by_title(plan_of(step("a"), step("b", "a.out"), catalog={"a.out": REMOTE}))
    (written,), (read,) = tasks["a"].outputs, tasks["b"].inputs
    assert (written.travel, written.uri) == (Travel.REFERENCE, "gs://bucket/x.pkl")
    assert (read.travel, read.producer) == (Travel.REFERENCE, "a")


def test_what_names_no_place_only_gives_the_order() -> None:
    table = {"type": "pandas.SQLTableDataset", "table_name": "t"}
    tasks = by_title(plan_of(step("a"), step("b", "a.out"), catalog={"a.out": table}))
    assert tasks["a"].outputs == ()
    assert [artifact.producer for artifact in tasks["b"].inputs] == ["a"]


def test_both_names_of_a_transcoded_dataset_are_one_artifact() -> None:
    entry = {"type": "pickle.PickleDataset", "filepath": "data/x.pkl"}
    tasks = by_title(
        plan_of(
            step("a", None, "x@pandas"),
            step("b", "x@spark"),
            catalog={"x@pandas": entry, "x@spark": entry},
        )
    )
    assert [artifact.dataset for artifact in tasks["a"].outputs] == ["x"]
    assert [artifact.producer for artifact in tasks["b"].inputs] == ["a"]


def test_an_object_that_nobody_reads_does_not_travel_and_a_file_does() -> None:
    plan = plan_of(step("a", None, ["lost", "kept"]), catalog={"kept": LOCAL})
    assert [artifact.dataset for artifact in plan.tasks[0].outputs] == ["kept"]


def test_what_a_group_passes_to_itself_does_not_travel() -> None:
    plan = plan_of(
        step("a", tags=["group.g"]),
        step("b", "a.out", tags=["group.g"]),
        step("c", "b.out"),
        grouper=TagNodeGrouper(None),
    )
    group = by_title(plan)["g"]
    assert group.nodes == ("a", "b")
    assert group.inputs == ()
    assert [artifact.dataset for artifact in group.outputs] == ["b.out"]


def test_a_raw_input_is_named_by_its_content(tmp_path: Path) -> None:
    raw = tmp_path / "data" / "x.pkl"
    raw.parent.mkdir()
    raw.write_bytes(b"content")
    nodes = (step("a", "x"), step("b", "x"))
    plan = plan_of(*nodes, catalog={"x": LOCAL}, path=tmp_path)
    (staged,) = plan.staged
    assert (staged.task, staged.dataset, staged.path) == ("input-x", "x", "data/x.pkl")
    for task in plan.tasks:
        assert [artifact.producer for artifact in task.inputs] == ["input-x"]
    raw.write_bytes(b"other content")
    changed = plan_of(*nodes, catalog={"x": LOCAL}, path=tmp_path)
    assert changed.staged[0].digest != staged.digest


def test_a_raw_input_may_be_named_like_a_node(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    entry = {"type": "pickle.PickleDataset", "filepath": "x"}
    plan = plan_of(step("input-x", "x"), catalog={"x": entry}, path=tmp_path)
    names = [plan.tasks[0].name, plan.staged[0].task]
    assert names[0] == "input-x"
    assert len(set(names)) == 2


def test_a_dataset_that_nobody_writes_and_the_catalog_lacks_is_an_error() -> None:
    with pytest.raises(PlanError, match=r"'b'.*'lost'.*catalog"):
        plan_of(step("a"), step("b", ["a.out", "lost"]))


def test_datasets_and_parameters_never_share_a_key() -> None:
    plan = plan_of(
        step("a", None, "x.y"),
        step("b", None, "x_y"),
        step("c", ["x.y", "x_y", "params:x.y", "params:runtime_params", "params:x-y"]),
        parameters={"x": {"y": 1}, "x-y": 2, "runtime_params": 3},
    )
    task = by_title(plan)["c"]
    keys = [*(a.key for a in task.inputs), *(p.key for p in task.parameters), "runtime_params"]
    assert len(set(keys)) == 6


def test_a_group_and_a_node_may_share_a_name_only_if_the_node_is_in_it() -> None:
    inside = (step("g", tags=["group.g"]), step("b", "g.out", tags=["group.g"]))
    plan = plan_of(*inside, grouper=TagNodeGrouper(None))
    assert [(task.title, task.nodes) for task in plan.tasks] == [("g", ("g", "b"))]
    with pytest.raises(PlanError, match="'g'"):
        plan_of(step("g"), step("b", "g.out", tags=["group.g"]), grouper=TagNodeGrouper(None))


def test_groups_that_wait_for_each_other_are_an_error() -> None:
    nodes = (
        step("a", tags=["group.g"]),
        step("b", "a.out"),
        step("c", "b.out", tags=["group.g"]),
    )
    with pytest.raises(PlanError, match="'b' before 'g'"):
        plan_of(*nodes, grouper=TagNodeGrouper(None))


def test_a_grouper_of_the_user_must_place_every_node_once() -> None:
    class Forgetful(NodeGrouper):
        def group(self, node_dependencies: dict[Node, set[Node]]) -> Grouping:
            kept = sorted(node_dependencies)[0]
            return Grouping({kept.name: {kept}})

    with pytest.raises(PlanError, match="'b'"):
        plan_of(step("a"), step("b"), grouper=Forgetful(None))


def test_a_grouper_of_the_user_need_not_say_what_the_data_say() -> None:
    class Bare(NodeGrouper):
        def group(self, node_dependencies: dict[Node, set[Node]]) -> Grouping:
            return Grouping({item.name: {item} for item in node_dependencies})

    assert dependencies(plan_of(step("a"), step("b", "a.out"), grouper=Bare(None)))["b"] == {"a"}


def test_the_pipeline_never_has_the_name_of_a_task() -> None:
    # KFP loads a spec whose name is a task's as a single component.
    assert plan_of(step("a")).name == "shop"
    assert plan_of(step("a"), pipeline="Data Science").name == "shop-data-science"
    assert plan_of(step("shop")).name == "shop-pipeline"
    assert plan_of(step("shop"), step("shop-pipeline")).name not in ("shop", "shop-pipeline")


def test_two_datasets_in_one_place_that_are_only_read_are_two_inputs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.pkl").write_bytes(b"")
    plan = plan_of(step("a", ["r", "s"]), catalog={"r": LOCAL, "s": LOCAL}, path=tmp_path)
    assert [staged.dataset for staged in plan.staged] == ["r", "s"]


def test_data_that_the_catalog_itself_holds_needs_no_writer() -> None:
    plan = plan_of(step("a", "answer"), catalog={"answer": {"type": "MemoryDataset", "data": 42}})
    assert plan.tasks[0].inputs == ()


def test_a_task_whose_inputs_do_not_fit_into_an_argument_is_refused() -> None:
    writers = [step(f"n{number}") for number in range(150)]
    reader = step("all", [f"n{number}.out" for number in range(150)])
    with pytest.raises(PlanError, match="'all' reads and writes 150 datasets"):
        plan_of(*writers, reader)
    assert plan_of(*writers[:140], step("all", [f"n{number}.out" for number in range(140)]))
