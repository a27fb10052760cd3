"""From a project and its `vertexai.yml` to a `Plan`: what will run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kedro_vertexai.artifact_metadata import ROOM
from kedro_vertexai.config import PluginConfig
from kedro_vertexai.errors import PlanError
from kedro_vertexai.grouping import NodeGrouper
from kedro_vertexai.plan.authentication import authentication_of
from kedro_vertexai.plan.edges import Edges, find_edges, inputs_of, outputs_of
from kedro_vertexai.plan.groups import Group, make_groups
from kedro_vertexai.plan.model import (
    ON_EXIT,
    RESERVED,
    MissingInput,
    Parameter,
    PipelineMLPart,
    Plan,
    Reference,
    Task,
    Tracking,
)
from kedro_vertexai.plan.names import task_names
from kedro_vertexai.plan.on_exit import check_fits, plan_on_exit, used_on_exit
from kedro_vertexai.plan.parameters import (
    FOR_RESOLVERS,
    MAX_ARGUMENT_BYTES,
    MAX_INLINE_BYTES,
    RUNTIME_PARAMS,
    check_type_name,
    outermost,
    plan_parameters,
    runtime_parameter,
    size,
    split_all_by_size,
    used_names,
)
from kedro_vertexai.plan.resources import Lookup, caching_for, image_for, resources_for, retry_for
from kedro_vertexai.plan.staged import (
    importer_names,
    parameter_file,
    parameters_dataset,
    raw_inputs,
    staged_dataset,
    staged_parameters,
)
from kedro_vertexai.project import Project

# Of one artifact in KFP's executor input: its name, type and metadata, and a URI that holds the
# bucket, the run root, the job's and the task's name.
_ARTIFACT_BYTES = 450


@dataclass(frozen=True)
class Values:
    """What a user gave on the command line, beside the project's configuration.

    Args:
        given: values of this run by Kedro name, resolved, and under `FOR_RESOLVERS` the
            nested ones that resolvers read.
        declared: types asked for by parameter name.
        for_resolvers: nested values that resolvers read unless a run gives others.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    for_resolvers: Mapping[str, Any] = field(default_factory=dict)

    def of(self, parameter: Parameter) -> Any:
        """A parameter's value in this run."""
        return self.given.get(parameter.name, parameter.default)


def build_plan(
    project: Project,
    config: PluginConfig,
    grouper: NodeGrouper,
    values: Values | None = None,
    on_exit: Project | None = None,
) -> Plan:
    """Plan one run of the project's pipeline.

    Args:
        project: the project as configured, without this run's values.
        config: its `vertexai.yml`.
        grouper: which nodes share a task.
        values: what the user gave for this run.
        on_exit: the pipeline to run last, whatever happened.

    Raises:
        PlanError: no run can be planned; the message names the node, dataset or key.
    """
    values = values or Values()
    groups = make_groups(project, grouper)
    exit_names = used_on_exit(on_exit, project) if on_exit else frozenset()
    covering = outermost(_used(project.nodes, project) | exit_names, project.parameters)
    parameters = _parameters(project, set(covering.values()), values)
    read = {group.name: _used(group.nodes, project) for group in groups}
    if on_exit:
        read[ON_EXIT] = exit_names
    wanted = {
        task: [
            parameters[name]
            # Resolvers may read runtime parameters in any file, so every task gets them.
            for name in sorted({*(covering[n] for n in names), FOR_RESOLVERS})
            if name in parameters
        ]
        for task, names in read.items()
    }
    sizes = {name: size(values.of(parameter)) for name, parameter in parameters.items()}
    split = split_all_by_size(wanted, sizes)
    # Tasks that read the same large parameters share one file of them.
    large = {parameters_dataset(files): files for _, files in split.values() if files}
    # A component's parameters and artifacts share one set of names.
    taken = {p.key for p in parameters.values()} | {RUNTIME_PARAMS}
    edges = find_edges(project, groups, taken)
    run_config = config.run_config
    raw = raw_inputs(project, edges, in_image=run_config.staging == "image")
    importers = importer_names(
        [*raw.staged, *raw.references, *large],
        taken={group.name for group in groups} | set(RESERVED),
    )
    names = {group.title: group.name for group in groups}
    surroundings = _Surroundings(project, config, edges, importers, names)
    tasks = tuple(surroundings.task(group, *split[group.name]) for group in groups)
    last = None
    if on_exit:
        check_fits(on_exit, split[ON_EXIT][1])
        last = plan_on_exit(on_exit, project, split[ON_EXIT][0], taken, run_config)
    inline = {
        p.name: p for task in (*tasks, *([last.task] if last else [])) for p in task.parameters
    }
    return Plan(
        name=_pipeline_name(project, tasks),
        pipeline=project.pipeline,
        env=project.env,
        image=run_config.image,
        tasks=tasks,
        parameters=tuple(inline[name] for name in sorted(inline)),
        staged=(
            *(staged_dataset(name, project, importers[name]) for name in raw.staged),
            *(
                staged_parameters(files, values.of, importers[dataset])
                for dataset, files in sorted(large.items())
            ),
        ),
        references=tuple(
            Reference(importers[name], name, found.uri, found.artifact, found.options.metadata)
            for name in raw.references
            if (found := project.datasets[name])
        ),
        missing=tuple(MissingInput(name, project.datasets[name].path) for name in raw.missing),
        in_image=(
            *(project.datasets[name].path for name in raw.in_image),
            *(last.in_image if last else ()),
        ),
        tracked=project.tracked,
        tracking=Tracking(run_config.tracking.required, run_config.tracking.retry_for),
        retry=retry_for(Lookup("", ()), run_config),
        dynamic_config=bool(run_config.dynamic_config_providers),
        authentication=authentication_of(config, project.mlflow),
        host_aliases=tuple(
            f"{alias.ip} {' '.join(alias.hostnames)}" for alias in run_config.network.host_aliases
        ),
        description=run_config.description or "",
        environment={"GCP_PROJECT_ID": config.project_id, "GCP_REGION": config.region},
        values={
            inline[name].key: value
            for name, value in sorted(values.given.items())
            if name in inline
        },
        on_exit=last,
    )


@dataclass(frozen=True)
class _Surroundings:
    """What a task is planned in: everything that is the same for all of them."""

    project: Project
    config: PluginConfig
    edges: Edges
    importers: Mapping[str, str]
    names: Mapping[str, str]

    def task(
        self, group: Group, inline: tuple[Parameter, ...], files: tuple[Parameter, ...]
    ) -> Task:
        inputs = inputs_of(group, self.project, self.edges, self.importers)
        if files:
            task = self.importers[parameters_dataset(files)]
            inputs += (parameter_file(files, task),)
        artifacts = outputs_of(group, self.project, self.edges)
        artifacts = tuple(replace(a, room=self._room(a.dataset)) for a in artifacts)
        _check_argument(group, len(inputs) + len(artifacts))
        producers = {artifact.producer for artifact in inputs}
        after = group.after | self.edges.after.get(group.title, set())
        lookup = Lookup(group.title, group.nodes)
        return Task(
            name=group.name,
            title=group.title,
            nodes=tuple(node.name for node in group.nodes),
            inputs=inputs,
            outputs=artifacts,
            parameters=inline,
            after=tuple(sorted({self.names[title] for title in after} - producers)),
            resources=resources_for(lookup, self.config.run_config),
            retry=retry_for(lookup, self.config.run_config),
            image=image_for(lookup, self.config.run_config),
            caching=caching_for(lookup, self.config.run_config),
            pipeline_ml=self._part(group) if self.project.pipeline_ml else None,
        )

    def _room(self, dataset: str) -> int:
        """Bytes for an artifact's metadata, so that those of all inputs fit where most go."""
        readers = self.edges.consumers.get(dataset, ())
        most = max((self.edges.inputs[group.title] for group in readers), default=1)
        return max(0, min(ROOM, (MAX_ARGUMENT_BYTES - MAX_INLINE_BYTES) // most - _ARTIFACT_BYTES))

    def _part(self, group: Group) -> PipelineMLPart:
        logs_model = any(node.logs_model for node in group.nodes)
        return PipelineMLPart.MODEL if logs_model else PipelineMLPart.TRAINING


def _check_argument(group: Group, artifacts: int) -> None:
    """Refuse a task that would compile and could not start: its input is one argument."""
    most = (MAX_ARGUMENT_BYTES - MAX_INLINE_BYTES) // _ARTIFACT_BYTES
    if artifacts > most:
        raise PlanError(
            f"'{group.title}' reads and writes {artifacts} datasets of other tasks, and no more "
            f"than {most} fit into a task's argument: group it with tasks that it shares them "
            "with, or hand fewer and larger ones on"
        )


def _used(nodes: Iterable[Any], project: Project) -> frozenset[str]:
    return used_names((entry for node in nodes for entry in node.inputs), project.parameters)


def _parameters(project: Project, names: set[str], values: Values) -> dict[str, Parameter]:
    """The inputs by Kedro name, and the one for resolvers where something needs it."""
    parameters = plan_parameters(sorted(names), project.parameters, values.given, values.declared)
    _check_declared(project, parameters, values)
    # What has no exact form as an input can still be overridden through the configuration.
    if project.runtime_names or len(parameters) < len(names):
        parameters[FOR_RESOLVERS] = runtime_parameter(values.for_resolvers)
    return parameters


def _check_declared(project: Project, parameters: Mapping[str, Parameter], values: Values) -> None:
    """Refuse a type for a name that is no input of its own: it would say nothing."""
    for name, type_ in values.declared.items():
        check_type_name(name, type_)
        if name in parameters or name not in project.parameters:
            continue
        above = [other for other in parameters if other and name.startswith(f"{other}.")]
        reason = f"it travels inside the input '{above[0]}'" if above else "no node reads it so"
        raise PlanError(
            f"--params {name}:{type_}: {reason}; leave the type out, or give a value as {name}=..."
        )


def _pipeline_name(project: Project, tasks: Iterable[Task]) -> str:
    """The spec's name: never a task's, or KFP loads the spec as a single component."""
    default = project.pipeline == "__default__"
    title = project.package if default else f"{project.package}-{project.pipeline}"
    name = task_names([title])[title]
    taken = {task.name for task in tasks} | set(RESERVED)
    while name in taken:
        name += "-pipeline"
    return name
