"""Which nodes share a task, and which groupings are refused."""

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.pipeline import node, pipeline
from kedro.pipeline.node import Node

from kedro_vertexai.errors import ConfigError, PlanError
from kedro_vertexai.grouping import (
    Grouping,
    GroupingException,
    IdentityNodeGrouper,
    NodeGrouper,
    TagNodeGrouper,
    complete,
    load_grouper,
)

Dependencies = dict[Node, set[Node]]


def function(*inputs: Any) -> None:
    """What the nodes of these tests would do."""


def dependencies(*nodes: Node) -> Dependencies:
    return dict(pipeline(nodes).node_dependencies)


def chain(**tags: str) -> Dependencies:
    """Nodes of these names and tags, each reading the one before."""
    names = list(tags)
    return dependencies(
        *(
            node(function, f"from_{i}", f"from_{i + 1}", name=name, tags=tags[name].split())
            for i, name in enumerate(names)
        )
    )


def by_tag(nodes: Dependencies, **params: str) -> Grouping:
    return TagNodeGrouper(None, **params).group(nodes)


def names(grouping: Grouping) -> dict[str, set[str]]:
    return {name: {n.name for n in nodes} for name, nodes in grouping.nodes_mapping.items()}


@st.composite
def projects(draw: st.DrawFn) -> Dependencies:
    """Any acyclic pipeline of a few nodes, each with at most one group tag."""
    count = draw(st.integers(1, 7))
    nodes = []
    for i in range(count):
        inputs = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        tag = draw(st.sampled_from(["", "group.a", "group.b", "group.n0", "other"]))
        reads = [f"d{j}" for j in sorted(inputs)] or ["raw"]
        nodes.append(node(function, reads, f"d{i}", name=f"n{i}", tags=[tag] if tag else []))
    return dependencies(*nodes)


class TestIdentity:
    @given(projects())
    def test_each_node_is_a_group_that_waits_for_what_it_reads(self, nodes: Dependencies) -> None:
        grouping = IdentityNodeGrouper().group(nodes)
        assert grouping.nodes_mapping == {n.name: {n} for n in nodes}
        assert grouping.dependencies == {
            n.name: {parent.name for parent in parents} for n, parents in nodes.items()
        }


class TestTags:
    def test_nodes_with_one_tag_share_a_group_and_the_others_stay_alone(self) -> None:
        grouping = by_tag(chain(load="", clean="group.prepare", join="x group.prepare", train="x"))
        assert names(grouping) == {
            "load": {"load"},
            "prepare": {"clean", "join"},
            "train": {"train"},
        }
        assert grouping.dependencies == {
            "load": set(),
            "prepare": {"load"},
            "train": {"prepare"},
        }

    def test_another_prefix_may_be_chosen(self) -> None:
        grouping = by_tag(chain(a="task-x", b="task-x", c="group.y"), tag_prefix="task-")
        assert names(grouping) == {"x": {"a", "b"}, "c": {"c"}}

    def test_a_group_may_be_named_like_a_node_inside_it(self) -> None:
        assert names(by_tag(chain(train="group.train", test="group.train"))) == {
            "train": {"train", "test"}
        }

    def test_a_group_named_like_a_node_outside_of_it_is_an_error(self) -> None:
        with pytest.raises(GroupingException, match=r"'train' \(tag 'group.train'\).*node 'train'"):
            by_tag(chain(train="", test="group.train"))

    def test_two_group_tags_on_a_node_are_an_error(self) -> None:
        with pytest.raises(
            GroupingException, match=r"node 'a' has the tags 'group\.x', 'group\.y'"
        ):
            by_tag(chain(a="group.y group.x"))

    def test_a_bare_prefix_names_no_group(self) -> None:
        with pytest.raises(GroupingException, match=r"node 'a' has the tag 'group\.'"):
            by_tag(chain(a="group."))

    def test_groups_that_wait_for_each_other_are_an_error_that_names_the_circle(self) -> None:
        with pytest.raises(GroupingException, match="'b' before 'node' before 'b'; move a node"):
            by_tag(chain(first="", in_b="group.b", node="", again="group.b"))

    @given(projects())
    def test_every_node_lands_in_one_group_and_every_edge_between_groups_is_kept(
        self, nodes: Dependencies
    ) -> None:
        try:
            grouping = by_tag(nodes)
        except GroupingException:
            return
        placed = {n: name for name, members in grouping.nodes_mapping.items() for n in members}
        assert placed.keys() == nodes.keys()
        assert sum(map(len, grouping.nodes_mapping.values())) == len(nodes)
        edges = {(placed[child], placed[parent]) for child in nodes for parent in nodes[child]}
        assert {(a, b) for a in grouping.dependencies for b in grouping.dependencies[a]} == {
            (a, b) for a, b in edges if a != b
        }
        TopologicalSorter(grouping.dependencies).prepare()

    @given(projects())
    def test_without_group_tags_it_is_the_identity(self, nodes: Dependencies) -> None:
        assert by_tag(nodes, tag_prefix="no such prefix") == IdentityNodeGrouper().group(nodes)


class TestGrouping:
    def test_the_message_of_a_circle_does_not_depend_on_the_order_of_its_groups(self) -> None:
        circle = {"c": {"b"}, "b": {"a"}, "a": {"c"}, "d": {"a"}}
        messages = set()
        for order in (circle, dict(reversed(circle.items()))):
            with pytest.raises(GroupingException) as caught:
                Grouping({}, order)
            messages.add(str(caught.value))
        assert len(messages) == 1
        assert "'a' before 'b' before 'c' before 'a'" in messages.pop()

    def test_a_group_that_names_itself_is_no_circle(self) -> None:
        assert Grouping({}, {"a": {"a"}}).dependencies == {"a": {"a"}}

    def test_the_command_line_can_show_the_error_in_one_line(self) -> None:
        assert issubclass(GroupingException, PlanError)


class TestComplete:
    def test_dependencies_that_a_grouper_leaves_out_are_found(self) -> None:
        nodes = chain(a="", b="", c="")
        a, b, c = sorted(nodes)
        grouping = complete(Grouping({"front": {a, b}, "back": {c}}), nodes)
        assert grouping.dependencies == {"front": set(), "back": {"front"}}

    def test_an_order_that_the_data_do_not_ask_for_is_kept(self) -> None:
        nodes = dependencies(node(function, "x", "y", name="a"), node(function, "x", "z", name="b"))
        grouping = IdentityNodeGrouper().group(nodes)
        grouping.dependencies["b"].add("a")
        assert complete(grouping, nodes).dependencies == {"a": set(), "b": {"a"}}

    @given(projects())
    def test_what_our_own_groupers_return_is_complete(self, nodes: Dependencies) -> None:
        grouping = IdentityNodeGrouper().group(nodes)
        assert complete(grouping, nodes) == grouping

    def test_a_circle_in_the_data_is_an_error_though_the_grouper_hides_it(self) -> None:
        nodes = chain(a="", b="", c="")
        a, b, c = sorted(nodes)
        with pytest.raises(GroupingException, match="'inner' before 'outer' before 'inner'"):
            complete(Grouping({"outer": {a, c}, "inner": {b}}), nodes)

    def test_a_node_must_be_in_exactly_one_group_of_its_own_pipeline(self) -> None:
        nodes = chain(a="", b="")
        a, b = sorted(nodes)
        for groups, message in (
            ({"x": {a}}, "the grouper puts 'b' into no group"),
            ({"x": {a}, "y": {a, b}}, "node 'a' is in the groups 'x', 'y'"),
            ({"x": {a, b}, "y": set()}, "the group 'y' holds no node"),
            ({"x": {a, b, *chain(other="x")}}, "returns 'other', which the pipeline lacks"),
        ):
            with pytest.raises(GroupingException, match=message):
                complete(Grouping(groups), nodes)

    @pytest.mark.parametrize("stranger", [{"a": {"nowhere"}}, {"nowhere": {"a"}}])
    def test_a_dependency_on_no_group_is_an_error(self, stranger: dict[str, set[str]]) -> None:
        nodes = chain(a="")
        groups = IdentityNodeGrouper().group(nodes).nodes_mapping
        with pytest.raises(GroupingException, match="no group has the name 'nowhere'"):
            complete(Grouping(groups, stranger), nodes)


class Everything(NodeGrouper):
    """A user's grouper: one group, and no thought given to dependencies."""

    def __init__(self, kedro_context: Any, name: str = "all") -> None:
        super().__init__(kedro_context)
        self.name = name

    def group(self, node_dependencies: Dependencies) -> Grouping:
        return Grouping({self.name: set(node_dependencies)})


class Unfinished(NodeGrouper):
    pass


class NoGrouper:
    def __init__(self, kedro_context: Any) -> None:
        pass


class TestLoading:
    @pytest.mark.parametrize("cls", [IdentityNodeGrouper, TagNodeGrouper])
    def test_the_paths_in_existing_files_lead_to_our_groupers(self, cls: type[NodeGrouper]) -> None:
        grouper = load_grouper(f"kedro_vertexai.grouping.{cls.__name__}", {}, None)
        assert type(grouper) is cls

    def test_a_users_class_gets_the_context_and_its_params(self) -> None:
        context: Any = object()
        grouper = load_grouper(f"{__name__}.Everything", {"name": "one"}, context)
        assert grouper.context is context
        nodes = chain(a="", b="")
        assert names(complete(grouper.group(nodes), nodes)) == {"one": {"a", "b"}}

    @pytest.mark.parametrize(
        ("cls", "params", "message"),
        [
            ("no.such.Grouper", {}, "run_config.grouping.cls: 'no.such.Grouper' cannot be"),
            ("kedro_vertexai.grouping.TagNodeGruper", {}, "did you mean 'TagNodeGrouper'?"),
            (f"{__name__}.Unfinished", {}, "Unfinished does not implement group"),
            (f"{__name__}.NoGrouper", {}, "NoGrouper has no method group(node_dependencies)"),
            (
                "kedro_vertexai.grouping.TagNodeGrouper",
                {"tag_prefx": "x"},
                (
                    "run_config.grouping.params: they do not fit "
                    "kedro_vertexai.grouping.TagNodeGrouper: got an unexpected keyword argument "
                    "'tag_prefx'"
                ),
            ),
        ],
    )
    def test_what_cannot_be_loaded_names_the_key(
        self, cls: str, params: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=re.escape(message)) as caught:
            load_grouper(cls, params, None)
        assert str(caught.value).startswith("run_config.grouping.")


def test_a_module_that_defines_a_grouper_pays_for_no_import() -> None:
    code = "import sys, kedro_vertexai.grouping; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert {"kedro", "pydantic", "yaml"} & set(done.stdout.split()) == set()
