"""Which nodes share a task, in an order in which the tasks can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from kedro_vertexai.catalog import base_name
from kedro_vertexai.errors import VertexAIError
from kedro_vertexai.grouping import Grouping, GroupingException, NodeGrouper, complete
from kedro_vertexai.plan.model import LOG_MODEL, RESERVED
from kedro_vertexai.plan.names import task_names
from kedro_vertexai.project import Node, Project


@dataclass(frozen=True)
class Group:
    """Nodes that run in one task, in the order in which Kedro runs them.

    `title` is the user's name for it, `name` the spec's; `after` are the titles of the groups
    that must end first.
    """

    title: str
    name: str
    nodes: tuple[Node, ...]
    after: frozenset[str]

    @property
    def inputs(self) -> list[str]:
        """Datasets and parameters read, without transcoding, sorted."""
        return sorted({base_name(entry) for node in self.nodes for entry in node.inputs})

    @property
    def outputs(self) -> list[str]:
        """Datasets written, without transcoding, sorted."""
        return sorted({base_name(entry) for node in self.nodes for entry in node.outputs})


def make_groups(project: Project, grouper: NodeGrouper) -> list[Group]:
    """Group the project's nodes; each group comes after those it depends on.

    Raises:
        GroupingException: the grouper's answer does not fit the pipeline.
    """
    grouping = complete(_asked(grouper, project), project.node_dependencies)
    position = {node.name: index for index, node in enumerate(project.nodes)}
    members = {
        title: sorted(position[node.name] for node in nodes)
        for title, nodes in grouping.nodes_mapping.items()
    }
    titles = _in_order({title: rows[0] for title, rows in members.items()}, grouping.dependencies)
    names = task_names(titles, reserved=RESERVED)
    groups = [
        Group(
            title,
            names[title],
            tuple(project.nodes[row] for row in members[title]),
            frozenset(grouping.dependencies[title]),
        )
        for title in titles
    ]
    return [*groups, *_log_model(groups, project)]


def _log_model(groups: list[Group], project: Project) -> list[Group]:
    """The task that logs the pipeline as a model, once all others have ended; if there is one."""
    titles = {group.title for group in groups}
    waited_for = {title for group in groups for title in group.after}
    added = []
    for node in project.nodes:
        if node.logs_model:
            title = node.name if node.name not in titles else f"{node.name} of kedro-mlflow"
            added.append(Group(title, LOG_MODEL, (node,), frozenset(titles - waited_for)))
    return added


def _asked(grouper: NodeGrouper, project: Project) -> Grouping:
    """What the grouper says, which may be a user's own code."""
    title = f"{type(grouper).__module__}.{type(grouper).__qualname__}"
    try:
        grouping: Any = grouper.group(dict(project.node_dependencies))
    except VertexAIError:
        raise
    except Exception as error:
        raise GroupingException(f"{title} failed with {type(error).__name__}: {error}") from error
    if not isinstance(grouping, Grouping):
        raise GroupingException(
            f"{title} returned {type(grouping).__name__}, not a kedro_vertexai.grouping.Grouping"
        )
    for name in grouping.nodes_mapping:
        if not isinstance(name, str):
            raise GroupingException(f"{title} names a group {name!r}, which is no text")
    return grouping


def _in_order(position: Mapping[str, int], dependencies: Mapping[str, set[str]]) -> list[str]:
    """Of the groups that can run, always the one whose first node Kedro would run first."""
    waiting = {title: len(dependencies[title]) for title in position}
    children: dict[str, list[str]] = {title: [] for title in position}
    for title, parents in dependencies.items():
        for parent in parents:
            children[parent].append(title)
    ready = [(position[title], title) for title, count in waiting.items() if not count]
    heapify(ready)
    ordered = []
    while ready:
        _, title = heappop(ready)
        ordered.append(title)
        for child in children[title]:
            waiting[child] -= 1
            if not waiting[child]:
                heappush(ready, (position[child], child))
    return ordered
