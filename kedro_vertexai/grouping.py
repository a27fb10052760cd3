"""Which nodes share a task: the groupers that `run_config.grouping.cls` can name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from kedro_vertexai.class_paths import instantiate
from kedro_vertexai.errors import ConfigError, PlanError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.pipeline.node import Node


class GroupingException(PlanError):  # noqa: N818 (projects import it by this name)
    """The nodes cannot be grouped as their tags or the grouper say."""


@dataclass
class Grouping:
    """Which nodes each group holds, and which groups each group waits for.

    Raises:
        GroupingException: groups wait for each other in a circle.
    """

    nodes_mapping: dict[str, set[Node]] = field(default_factory=dict)
    """By group name, its nodes."""
    dependencies: dict[str, set[str]] = field(default_factory=dict)
    """By group name, the groups that must end first. `complete` adds what the data say."""

    def __post_init__(self) -> None:
        """Refuse a circle as soon as it is made, in a user's own grouper too."""
        cycle = _cycle(self.dependencies)
        if cycle:
            raise GroupingException(
                "groups wait for each other: "
                + " before ".join(f"'{name}'" for name in cycle)
                + "; move a node to another group so that the circle opens"
            )


class NodeGrouper(ABC):
    """Base of every grouper. A user's own takes its `grouping.params` as keyword arguments."""

    def __init__(self, kedro_context: KedroContext | None) -> None:
        self.context = kedro_context

    @abstractmethod
    def group(self, node_dependencies: dict[Node, set[Node]]) -> Grouping:
        """Put every node into exactly one group.

        Args:
            node_dependencies: by node, the nodes whose outputs it reads.

        Returns:
            The groups. Their `dependencies` may be left empty: `complete` finds them.
        """


class IdentityNodeGrouper(NodeGrouper):
    """Every node is a task of its own."""

    def __init__(self, kedro_context: KedroContext | None = None) -> None:
        super().__init__(kedro_context)

    def group(self, node_dependencies: dict[Node, set[Node]]) -> Grouping:
        """Name each group after its one node."""
        return _grouping({node.name: {node} for node in node_dependencies}, node_dependencies)


class TagNodeGrouper(NodeGrouper):
    """Nodes with the tag `<tag_prefix>NAME` share the task NAME; the others stay alone."""

    def __init__(self, kedro_context: KedroContext | None, tag_prefix: str = "group.") -> None:
        super().__init__(kedro_context)
        self.tag_prefix = tag_prefix

    def group(self, node_dependencies: dict[Node, set[Node]]) -> Grouping:
        """Group by tag.

        Raises:
            GroupingException: a node has two such tags or a bare prefix, a group has the name
                of a node outside of it, or groups wait for each other.
        """
        alone: dict[str, set[Node]] = {}
        groups: dict[str, set[Node]] = {}
        for node in node_dependencies:
            name = self._group_name(node)
            if name is None:
                alone[node.name] = {node}
            else:
                groups.setdefault(name, set()).add(node)
        for name in sorted(alone.keys() & groups.keys()):
            raise GroupingException(
                f"the group '{name}' (tag '{self.tag_prefix}{name}') and the node '{name}', "
                "which is not in it, would be one task; rename one of them or tag the node"
            )
        return _grouping({**alone, **groups}, node_dependencies)

    def _group_name(self, node: Node) -> str | None:
        tags = sorted(tag for tag in node.tags if tag.startswith(self.tag_prefix))
        if len(tags) > 1:
            raise GroupingException(
                f"node '{node.name}' has the tags {_quoted(tags)}, which put it into "
                f"{len(tags)} groups; keep one of them"
            )
        if tags == [self.tag_prefix]:
            raise GroupingException(
                f"node '{node.name}' has the tag '{self.tag_prefix}', which names no group; "
                f"write the group's name behind it"
            )
        return tags[0].removeprefix(self.tag_prefix) if tags else None


def complete(grouping: Grouping, node_dependencies: Mapping[Node, set[Node]]) -> Grouping:
    """Check what a grouper returned, and add the dependencies that the data imply.

    Args:
        grouping: the groups, with or without dependencies.
        node_dependencies: by node, the nodes whose outputs it reads; every node is a key.

    Raises:
        GroupingException: a node is in no group or in two, a group is empty or holds a node
            of another pipeline, a dependency names no group, or groups wait for each other.
    """
    groups = grouping.nodes_mapping
    placed: dict[Node, str] = {}
    for name, nodes in groups.items():
        if not nodes:
            raise GroupingException(f"the group '{name}' holds no node; leave it out")
        for node in nodes:
            if placed.setdefault(node, name) != name:
                raise GroupingException(
                    f"node '{node.name}' is in the groups {_quoted(sorted([placed[node], name]))}; "
                    "put it into one of them"
                )
    _same_nodes(placed, node_dependencies)
    known = {name for names in grouping.dependencies.values() for name in names}
    strangers = sorted((known | grouping.dependencies.keys()) - groups.keys())
    if strangers:
        raise GroupingException(
            f"no group has the name {_quoted(strangers)} that another waits for"
        )
    implied = _implied(placed, groups, node_dependencies)
    said = {name: names - {name} for name, names in grouping.dependencies.items()}
    return Grouping(groups, {name: implied[name] | said.get(name, set()) for name in groups})


def load_grouper(
    cls: str, params: Mapping[str, Any], kedro_context: KedroContext | None
) -> NodeGrouper:
    """Make the grouper that `vertexai.yml` names.

    Args:
        cls: the class, as `package.module.Class`.
        params: its keyword arguments.
        kedro_context: its first argument, for groupers that read the project.

    Raises:
        ConfigError: there is no such class, it groups nothing, or the parameters do not fit.
    """
    grouper: NodeGrouper = instantiate(cls, params, kedro_context, key="run_config.grouping")
    if not callable(getattr(grouper, "group", None)):
        raise ConfigError(
            f"run_config.grouping.cls: {cls} has no method group(node_dependencies); "
            "derive it from kedro_vertexai.grouping.NodeGrouper"
        )
    return grouper


def _grouping(
    groups: dict[str, set[Node]], node_dependencies: Mapping[Node, set[Node]]
) -> Grouping:
    placed = {node: name for name, nodes in groups.items() for node in nodes}
    return Grouping(groups, _implied(placed, groups, node_dependencies))


def _implied(
    placed: Mapping[Node, str],
    groups: Iterable[str],
    node_dependencies: Mapping[Node, set[Node]],
) -> dict[str, set[str]]:
    """By group, the groups that its nodes read from; one look at each edge."""
    dependencies: dict[str, set[str]] = {name: set() for name in groups}
    for node, parents in node_dependencies.items():
        dependencies[placed[node]].update(placed[parent] for parent in parents)
    for name, others in dependencies.items():
        others.discard(name)
    return dependencies


def _same_nodes(placed: Mapping[Node, str], expected: Mapping[Node, set[Node]]) -> None:
    lost = sorted(node.name for node in expected.keys() - placed.keys())
    if lost:
        raise GroupingException(
            f"the grouper puts {_quoted(lost)} into no group; every node needs one"
        )
    strange = sorted(node.name for node in placed.keys() - expected.keys())
    if strange:
        raise GroupingException(f"the grouper returns {_quoted(strange)}, which the pipeline lacks")


def _cycle(dependencies: Mapping[str, set[str]]) -> list[str]:
    """The groups of a circle in the order in which they would run, or an empty list.

    A group that waits for itself is none: its nodes have their own order.
    """
    graph = {name: set(names) - {name} for name, names in dependencies.items()}
    if not _first_cycle(graph):
        return []
    # Once more in a fixed order, so that the same project gives the same message.
    cycle = _first_cycle({name: sorted(names) for name, names in sorted(graph.items())})
    start = cycle.index(min(cycle))
    return [*cycle[start:-1], *cycle[: start + 1]]


def _first_cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """What graphlib finds first: each name runs before the next, the last is the first again."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
