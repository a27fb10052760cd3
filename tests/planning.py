"""Plans of a few nodes, made without a project on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node as KedroNode

from kedro_vertexai.catalog import describe_datasets
from kedro_vertexai.config import parse_config
from kedro_vertexai.grouping import IdentityNodeGrouper, NodeGrouper
from kedro_vertexai.plan.build import Values, build_plan
from kedro_vertexai.plan.model import Plan, Task
from kedro_vertexai.project import Node, Project, flatten_parameters

NOWHERE = Path("/nowhere")


def first(*values: Any) -> Any:
    return values[0] if values else 0


def step(
    name: str | None, inputs: Any = None, outputs: Any = None, tags: Iterable[str] = ()
) -> KedroNode:
    """A Kedro node; without outputs it writes a dataset of its own name."""
    return node(first, inputs, outputs or f"{name}.out", name=name, tags=list(tags))


def plan_of(
    *nodes: KedroNode,
    parameters: Mapping[str, Any] | None = None,
    catalog: Mapping[str, Any] | None = None,
    run_config: Mapping[str, Any] | None = None,
    grouper: NodeGrouper | None = None,
    values: Values | None = None,
    on_exit: Iterable[KedroNode] = (),
    **project: Any,
) -> Plan:
    """The plan of these nodes in a project with this configuration; `on_exit` run last."""
    said = {"parameters": parameters or {}, "catalog": catalog or {}}
    data = {
        "project_id": "my-project",
        "region": "europe-west1",
        "run_config": {"image": "image", "root": "bucket/runs", **(run_config or {})},
    }
    last = project_of(*on_exit, **said, **{**project, "pipeline": "notify"}) if on_exit else None
    return build_plan(
        project_of(*nodes, **said, **project),
        parse_config(data, "vertexai.yml"),
        grouper or IdentityNodeGrouper(),
        values,
        last,
    )


def project_of(
    *nodes: KedroNode,
    parameters: Mapping[str, Any],
    catalog: Mapping[str, Any],
    **project: Any,
) -> Project:
    """A project of one pipeline of these nodes."""
    pipeline = Pipeline(nodes)
    plain = tuple(
        Node(
            item.name,
            frozenset(item.tags),
            tuple(item.inputs),
            tuple(item.outputs),
            tuple(item.confirms),
        )
        for item in pipeline.nodes
    )
    names = {name for item in plain for name in (*item.inputs, *item.outputs, *item.confirms)}
    facts: dict[str, Any] = {
        "path": NOWHERE,
        "package": "shop",
        "env": "local",
        "pipeline": "__default__",
        **project,
    }
    return Project(
        **facts,
        nodes=plain,
        datasets=describe_datasets(dict(catalog), names, facts["path"]),
        parameters=flatten_parameters(parameters),
        node_dependencies=pipeline.node_dependencies,
    )


def by_title(plan: Plan) -> dict[str, Task]:
    return {task.title: task for task in plan.tasks}
