"""From a project and its `vertexai.yml` to a `Plan`: what will run, and what crosses tasks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kedro_vertexai.catalog import Dataset, Kind, base_name, is_parameter
from kedro_vertexai.config import PluginConfig
from kedro_vertexai.errors import PlanError
from kedro_vertexai.grouping import NodeGrouper
from kedro_vertexai.plan.model import Artifact, Parameter, Plan, StagedInput, Task, Travel
from kedro_vertexai.plan.names import clean_task_name, keys, task_names
from kedro_vertexai.plan.parameters import (
    FOR_RESOLVERS,
    RUNTIME_PARAMS,
    outermost,
    plan_parameters,
    runtime_parameter,
    used_names,
)
from kedro_vertexai.plan.resources import Lookup, resources_for, retry_for
from kedro_vertexai.project import Node, Project
from kedro_vertexai.staging import digest_of

START_RUN = "mlflow-start-run"
FINISH_RUN = "mlflow-finish-run"
EXIT_HANDLER = "exit-handler-1"
_RESERVED = (START_RUN, FINISH_RUN, EXIT_HANDLER)

# Linux refuses a process argument of 128 KiB, and a task gets its whole input as one; what
# parameters leave of that is for the names and URIs of artifacts.
MAX_INLINE_PARAMETERS = 64 * 1024


@dataclass(frozen=True)
class _Group:
    """Nodes that run in one task."""

    title: str
    name: str
    nodes: tuple[Node, ...]

    @property
    def inputs(self) -> list[str]:
        return sorted({base_name(entry) for node in self.nodes for entry in node.inputs})

    @property
    def outputs(self) -> list[str]:
        return sorted({base_name(entry) for node in self.nodes for entry in node.outputs})


@dataclass
class _Edges:
    """Who writes and who reads each dataset, and the key it has in every component.

    `importers` names the tasks that hand over what lies on the user's disk: a dataset by its
    name, a large parameter by its own with Kedro's prefix.
    """

    producer: dict[str, _Group] = field(default_factory=dict)
    consumers: dict[str, list[_Group]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    importers: dict[str, str] = field(default_factory=dict)


def build_plan(
    project: Project,
    config: PluginConfig,
    grouper: NodeGrouper,
    *,
    image: str | None = None,
    values: Mapping[str, Any] | None = None,
    declared: Mapping[str, str] | None = None,
    for_resolvers: Mapping[str, Any] | None = None,
) -> Plan:
    """Plan one run of the project's pipeline.

    Args:
        project: the project as configured, without this run's values.
        config: its `vertexai.yml`.
        grouper: which nodes share a task.
        image: the image of every task, instead of the configured one.
        values: parameter values of this run by Kedro name, resolved, and under
            `FOR_RESOLVERS` the nested ones that resolvers read.
        declared: types asked for by parameter name.
        for_resolvers: nested values that resolvers read unless the run gives others.

    Raises:
        PlanError: no run can be planned; the message names the node, dataset or key.
    """
    values = dict(values or {})
    groups = _groups(project, grouper)
    edges = _edges(project, groups)
    _name_importers(edges, project, groups)
    used = used_names((entry for node in project.nodes for entry in node.inputs), project.parameters)
    covering = outermost(used, project.parameters)
    parameters = plan_parameters(
        sorted(set(covering.values())), project.parameters, values, declared or {}
    )
    # A component's parameters and artifacts share one set of names.
    taken = {parameter.key for parameter in parameters.values()} | {RUNTIME_PARAMS}
    edges.keys = keys(project.datasets, reserved=taken)
    if project.runtime_names or len(parameters) < len(set(covering.values())):
        parameters[FOR_RESOLVERS] = runtime_parameter(for_resolvers or {})
    staged = _staged_inputs(project, edges)
    tasks, large = [], {}
    for group in groups:
        wanted = _parameters_of(group, project, covering, parameters)
        inline, files = _split_by_size(wanted, values)
        large.update({parameter.name: parameter for parameter in files})
        tasks.append(
            Task(
                name=group.name,
                title=group.title,
                nodes=tuple(node.name for node in group.nodes),
                inputs=(
                    *_inputs(group, project, edges, staged),
                    *(_parameter_file(parameter, edges) for parameter in files),
                ),
                outputs=_outputs(group, project, edges),
                parameters=inline,
                after=_order_only(group, project, edges),
                resources=resources_for(Lookup(group.title, group.nodes), config.run_config),
                retry=retry_for(Lookup(group.title, group.nodes), config.run_config),
            )
        )
    inline_names = {parameter.name for task in tasks for parameter in task.parameters}
    network = config.run_config.network
    return Plan(
        name=_pipeline_name(project, tasks),
        pipeline=project.pipeline,
        env=project.env,
        image=image or config.run_config.image,
        tasks=tuple(tasks),
        parameters=tuple(p for name, p in sorted(parameters.items()) if name in inline_names),
        staged=(*staged.values(), *(_staged_parameter(p, values, edges) for p in large.values())),
        tracked=project.tracked,
        caching=config.run_config.caching,
        dynamic_config=bool(config.run_config.dynamic_config_providers),
        host_aliases=tuple(
            f"{alias.ip} {' '.join(alias.hostnames)}" for alias in network.host_aliases
        ),
        description=config.run_config.description or "",
        environment={"GCP_PROJECT_ID": config.project_id, "GCP_REGION": config.region},
        values={
            p.key: values[name]
            for name, p in sorted(parameters.items())
            if name in inline_names and name in values
        },
    )


def _groups(project: Project, grouper: NodeGrouper) -> list[_Group]:
    """The groups in the order of their first nodes, with every node in exactly one."""
    grouping = grouper.group(dict(project.node_dependencies))
    position = {node.name: index for index, node in enumerate(project.nodes)}
    by_title = {
        title: tuple(sorted((position[node.name] for node in nodes)))
        for title, nodes in grouping.nodes_mapping.items()
        if nodes
    }
    _check_partition(project, by_title)
    titles = sorted(by_title, key=lambda title: by_title[title][0])
    names = task_names(titles, reserved=_RESERVED)
    groups = [
        _Group(title, names[title], tuple(project.nodes[i] for i in by_title[title]))
        for title in titles
    ]
    return _in_order(groups, grouping.dependencies)


def _check_partition(project: Project, by_title: Mapping[str, tuple[int, ...]]) -> None:
    seen: dict[int, str] = {}
    for title, positions in by_title.items():
        for index in positions:
            if index in seen:
                raise PlanError(
                    f"node '{project.nodes[index].name}' is in two groups, "
                    f"'{seen[index]}' and '{title}'"
                )
            seen[index] = title
    for index, node in enumerate(project.nodes):
        if index not in seen:
            raise PlanError(f"node '{node.name}' is in no group: the node grouper left it out")


def _in_order(groups: list[_Group], dependencies: Mapping[str, set[str]]) -> list[_Group]:
    """The groups so that each comes after those it depends on, else as given."""
    by_title = {group.title: group for group in groups}
    ordered: dict[str, _Group] = {}
    for group in groups:
        pending = [group.title]
        while pending:
            title = pending[-1]
            waiting = [
                parent
                for parent in sorted(dependencies.get(title, ()))
                if parent in by_title and parent not in ordered and parent not in pending
            ]
            if waiting:
                pending.append(waiting[0])
            else:
                ordered.setdefault(pending.pop(), by_title[title])
    return list(ordered.values())


def _edges(project: Project, groups: list[_Group]) -> _Edges:
    edges = _Edges()
    for group in groups:
        for dataset in group.outputs:
            edges.producer[dataset] = group
    for group in groups:
        for dataset in group.inputs:
            if not is_parameter(dataset) and edges.producer.get(dataset) is not group:
                edges.consumers.setdefault(dataset, []).append(group)
    return edges


def _name_importers(edges: _Edges, project: Project, groups: list[_Group]) -> None:
    taken = {group.name for group in groups} | set(_RESERVED)
    staged = [name for name in edges.consumers if name not in edges.producer]
    names = [*staged, *(f"params:{name}" for name in project.parameters)]
    titles = task_names((f"input-{name}" for name in names), reserved=taken)
    edges.importers = {title.removeprefix("input-"): name for title, name in titles.items()}


def _staged_inputs(project: Project, edges: _Edges) -> dict[str, StagedInput]:
    """The local datasets that tasks read and no task writes, where they exist on this disk."""
    found: dict[str, StagedInput] = {}
    for name in sorted(edges.consumers):
        dataset = project.datasets[name]
        if name in edges.producer:
            continue
        if dataset.kind is Kind.MEMORY:
            reader = edges.consumers[name][0].title
            raise PlanError(
                f"node '{reader}' reads dataset '{name}', which no node of this run writes and "
                "the catalog does not hold"
            )
        path = project.path / dataset.path
        if dataset.kind is Kind.LOCAL and path.exists():
            found[name] = StagedInput(
                task=edges.importers[name],
                dataset=name,
                path=dataset.path,
                digest=digest_of(path),
                name=path.name,
            )
    return found


def missing_inputs(project: Project) -> list[str]:
    """Local datasets that this run reads, does not write, and that are not on this disk."""
    written = {base_name(entry) for node in project.nodes for entry in node.outputs}
    read = {base_name(entry) for node in project.nodes for entry in node.inputs}
    return [
        f"dataset '{name}' has nothing at {dataset.path}"
        for name in sorted(read - written)
        if (dataset := project.datasets.get(name)) is not None
        and dataset.kind is Kind.LOCAL
        and not (project.path / dataset.path).exists()
    ]


def _travel(dataset: Dataset) -> Travel:
    return {
        Kind.MEMORY: Travel.OBJECT,
        Kind.LOCAL: Travel.FILE,
        Kind.REMOTE: Travel.REFERENCE,
    }[dataset.kind]


def _inputs(
    group: _Group, project: Project, edges: _Edges, staged: Mapping[str, StagedInput]
) -> tuple[Artifact, ...]:
    artifacts = []
    for name in group.inputs:
        if is_parameter(name) or edges.producer.get(name) is group:
            continue
        dataset = project.datasets[name]
        travel = _travel(dataset)
        artifact = Artifact(edges.keys[name], name, travel, path=dataset.path)
        if name in edges.producer and travel is not Travel.REFERENCE:
            producer = edges.producer[name].name
            artifacts.append(replace(artifact, producer=producer, producer_key=edges.keys[name]))
        elif name in staged:
            artifacts.append(replace(artifact, producer=staged[name].task, producer_key="artifact"))
    return tuple(artifacts)


def _outputs(group: _Group, project: Project, edges: _Edges) -> tuple[Artifact, ...]:
    """What the task leaves: local files always, objects only for whom reads them."""
    artifacts = []
    for name in group.outputs:
        dataset = project.datasets[name]
        travel = _travel(dataset)
        if travel is Travel.FILE or (travel is Travel.OBJECT and name in edges.consumers):
            artifacts.append(Artifact(edges.keys[name], name, travel, path=dataset.path))
    return tuple(artifacts)


def _order_only(group: _Group, project: Project, edges: _Edges) -> tuple[str, ...]:
    """Tasks that write what this one reads from a place that both reach."""
    return tuple(
        sorted(
            {
                edges.producer[name].name
                for name in group.inputs
                if not is_parameter(name)
                and name in edges.producer
                and edges.producer[name] is not group
                and _travel(project.datasets[name]) is Travel.REFERENCE
            }
        )
    )


def _parameters_of(
    group: _Group,
    project: Project,
    covering: Mapping[str, str],
    parameters: Mapping[str, Parameter],
) -> list[Parameter]:
    used = used_names((entry for node in group.nodes for entry in node.inputs), project.parameters)
    names = {covering[name] for name in used}
    # Resolvers may read runtime parameters in any file, so every task gets them.
    return [parameters[name] for name in sorted({*names, FOR_RESOLVERS}) if name in parameters]


def _split_by_size(
    parameters: list[Parameter], values: Mapping[str, Any]
) -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    """Those that fit into a task's argument together, and the largest ones, which do not."""
    sizes = {p.key: len(json.dumps(_document(p, values).decode())) for p in parameters}
    inline = sorted(parameters, key=lambda p: (sizes[p.key], p.key))
    large = []
    while inline and sum(sizes[p.key] for p in inline) > MAX_INLINE_PARAMETERS:
        large.append(inline.pop())
    return tuple(sorted(inline, key=lambda p: p.key)), tuple(sorted(large, key=lambda p: p.key))


def _document(parameter: Parameter, values: Mapping[str, Any]) -> bytes:
    return json.dumps(values.get(parameter.name, parameter.default), ensure_ascii=False).encode()


def _parameter_file(parameter: Parameter, edges: _Edges) -> Artifact:
    dataset = f"params:{parameter.name}"
    return Artifact(
        key=parameter.key,
        dataset=dataset,
        travel=Travel.PARAMETER,
        producer=edges.importers[dataset],
        producer_key="artifact",
        parameter_path=parameter.path,
    )


def _staged_parameter(
    parameter: Parameter, values: Mapping[str, Any], edges: _Edges
) -> StagedInput:
    content = _document(parameter, values)
    dataset = f"params:{parameter.name}"
    return StagedInput(
        task=edges.importers[dataset],
        dataset=dataset,
        path="",
        digest=hashlib.sha256(content).hexdigest(),
        name=f"{parameter.key}.json",
        content=content,
    )


def _pipeline_name(project: Project, tasks: list[Task]) -> str:
    """The spec's name: never a task's, or KFP loads the spec as a single component."""
    parts = [project.package] if project.pipeline == "__default__" else [project.package, project.pipeline]
    name = clean_task_name("-".join(parts))
    taken = {task.name for task in tasks} | set(_RESERVED)
    return f"{name}-pipeline" if name in taken else name
