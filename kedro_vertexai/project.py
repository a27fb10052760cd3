"""What is in a Kedro project: one pipeline's nodes, the datasets they touch, the parameters.

Reads through Kedro's public doors and returns plain data, so that nothing after this module
needs Kedro. Neither the plugins' hooks nor the dataset classes of kedro-mlflow are loaded:
they import mlflow, which takes seconds and is not needed to know what a project holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.artifact_types import return_annotations, type_of_return
from kedro_vertexai.catalog import (
    Dataset,
    base_name,
    describe_datasets,
    describe_instance,
    entry_without_credentials,
)
from kedro_vertexai.errors import ProjectError
from kedro_vertexai.project_config import (
    MlflowServer,
    config_loader,
    mlflow_server,
    one_line,
    read_mapping,
    runtime_names,
)
from kedro_vertexai.project_hooks import hook_manager, registered_datasets
from kedro_vertexai.project_model import check_artifacts, find_model, free_name, plain
from kedro_vertexai.project_pipeline import Filters, filtered, load_pipeline

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.pipeline import Pipeline
    from pluggy import PluginManager


@dataclass(frozen=True)
class Node:
    """One Kedro node: names only, in the order Kedro would run them.

    `confirms` are the datasets whose checkpoint it moves on once it has run. `logs_model` tells
    the last one of a tracked `pipeline_ml_factory`, which is none of Kedro's: it reads what the
    model is made of.
    """

    name: str
    tags: frozenset[str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    confirms: tuple[str, ...] = ()
    logs_model: bool = False


@dataclass(frozen=True)
class ParameterValue:
    """A parameter as the project's configuration resolves it.

    `path` is where it lies in the nested parameters: `("model", "lr")` for `params:model.lr`,
    `("a.b",)` for a key that holds a dot.
    """

    name: str
    path: tuple[Any, ...]
    value: Any


@dataclass(frozen=True)
class Project:
    """One pipeline of a Kedro project, read once.

    `node_dependencies` is Kedro's own mapping of node to parent nodes and `context` Kedro's
    own context: node groupers that a user wrote expect them. `runtime_names` are the names
    that `${runtime_params:...}` reads anywhere in the configuration. `mlflow` is the server that
    its runs are recorded at, None if they are not. `notes` are what the user should know of how
    it was read. `pipeline_ml` tells a pipeline of kedro-mlflow's
    `pipeline_ml_factory`.
    """

    path: Path
    package: str
    env: str
    pipeline: str
    nodes: tuple[Node, ...]
    datasets: Mapping[str, Dataset]
    parameters: Mapping[str, ParameterValue]
    runtime_names: frozenset[str] = frozenset()
    mlflow: MlflowServer | None = None
    node_dependencies: Mapping[Any, set[Any]] = field(default_factory=dict)
    context: Any = None
    notes: tuple[str, ...] = ()
    pipeline_ml: bool = False

    @property
    def tracked(self) -> bool:
        """Whether MLflow records the pipeline's runs."""
        return self.mlflow is not None


def read_project(
    path: Path,
    *,
    env: str,
    pipeline: str,
    filters: Filters | None = None,
    runtime_params: Mapping[str, Any] | None = None,
) -> Project:
    """Read one pipeline of the Kedro project at `path`, which Kedro has bootstrapped.

    Args:
        path: the project's root.
        env: the Kedro environment, as `kedro --env`.
        pipeline: a registered pipeline's name.
        filters: which of its nodes to take; all without.
        runtime_params: nested values that override the configuration, as `kedro run --params`.

    Raises:
        ProjectError: the pipeline, the catalog or the configuration cannot be read.
    """
    from kedro.framework.project import PACKAGE_NAME

    loader = config_loader(path, env, runtime_params or {})
    manager = hook_manager()
    context = load_context(path, env, loader, manager, dict(runtime_params or {}))
    registered = load_pipeline(pipeline)
    model, unlogged = find_model(registered, pipeline, filters.of_pipeline() if filters else {})
    kedro_pipeline = filtered(plain(registered), pipeline, filters)
    nodes = [_node(node) for node in kedro_pipeline.nodes]
    parameters = read_mapping(loader, "parameters")
    catalog = _entries(loader)
    put, notes = registered_datasets(manager, catalog, parameters)
    server = mlflow_server(loader, pipeline)
    if server is None:
        model, unlogged = None, []
    datasets = _datasets(kedro_pipeline, catalog, put, path, model.inputs if model else ())
    if model:
        check_artifacts(model, datasets, pipeline)
        name = free_name(node.name for node in nodes)
        nodes.append(Node(name, frozenset(), model.inputs, (), logs_model=True))
    return Project(
        path=path,
        package=str(PACKAGE_NAME),
        env=env,
        pipeline=pipeline,
        nodes=tuple(nodes),
        datasets=datasets,
        parameters=flatten_parameters(parameters),
        runtime_names=frozenset(runtime_names(path, env)),
        mlflow=server,
        node_dependencies=kedro_pipeline.node_dependencies,
        context=context,
        notes=(*notes, *unlogged),
        pipeline_ml=plain(registered) is not registered,
    )


def read_datasets(path: Path, *, env: str, names: Iterable[str]) -> dict[str, Dataset]:
    """Describe datasets as the catalog has them now, whatever pipeline they belong to.

    Args:
        path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment, as `kedro --env`.
        names: dataset names without transcoding.

    Raises:
        ProjectError: the catalog or the configuration cannot be read.
    """
    loader = config_loader(path, env, {})
    # The project's own hooks may register what the catalog needs to be resolved.
    manager = hook_manager()
    load_context(path, env, loader, manager, {})
    catalog = _entries(loader)
    put, _ = registered_datasets(manager, catalog, read_mapping(loader, "parameters"))
    entries = {entry for name in names for entry in _catalog_entries(catalog, name)}
    described = describe_datasets(catalog, entries, path)
    told = {name: describe_instance(name, put[name], path) for name in names if name in put}
    return {**described, **told}


def _entries(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The catalog's configuration, without what its entries say of credentials."""
    catalog = read_mapping(loader, "catalog", required=True)
    return {name: entry_without_credentials(entry) for name, entry in catalog.items()}


def _catalog_entries(catalog: Iterable[str], name: str) -> list[str]:
    """The entries that may stand for a dataset: its own, else what a pattern may match."""
    own = [entry for entry in catalog if base_name(entry) == name]
    return own or [name, *(f"{name}@{entry.split('@', 1)[1]}" for entry in catalog if "@" in entry)]


def flatten_parameters(parameters: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """Name every parameter as Kedro's `params:` inputs do, without that prefix.

    A nested dictionary gives its own name and one for each key below it, joined with dots, in
    the order of `KedroContext`, where the last of two equal names wins.
    """
    found: dict[str, ParameterValue] = {}

    def add(name: str, path: tuple[Any, ...], value: Any) -> None:
        found[name] = ParameterValue(name, path, value)
        if isinstance(value, dict):
            for key, below in value.items():
                add(f"{name}.{key}", (*path, key), below)

    for key, value in parameters.items():
        add(str(key), (key,), value)
    return found


def _node(node: Any) -> Node:
    return Node(
        node.name,
        frozenset(node.tags),
        tuple(node.inputs),
        tuple(node.outputs),
        tuple(node.confirms),
    )


def _datasets(
    pipeline: Pipeline,
    catalog: Mapping[str, Any],
    put: Mapping[str, Any],
    path: Path,
    more: Iterable[str],
) -> dict[str, Dataset]:
    """Every dataset of the pipeline, from the catalog, the project's hooks and its nodes.

    Args:
        pipeline: names the datasets.
        catalog: the catalog's configuration.
        put: datasets that hooks put into it.
        path: the project's root.
        more: datasets that none of the pipeline's nodes may touch.
    """
    names = {*more} | {
        name for node in pipeline.nodes for name in (*node.inputs, *node.outputs, *node.confirms)
    }
    found = describe_datasets(catalog, names - put.keys(), path)
    for name in sorted(names & put.keys()):
        found[base_name(name)] = describe_instance(base_name(name), put[name], path)
    for node in pipeline.nodes:
        annotations = return_annotations(node.func, len(node.outputs))
        for output, annotation in zip(node.outputs, annotations, strict=True):
            dataset = found[base_name(output)]
            type_ = "" if dataset.options.type else type_of_return(annotation, dataset.class_names)
            if type_:
                found[dataset.name] = replace(dataset, artifact=type_)
    return found


def load_context(
    path: Path,
    env: str,
    loader: AbstractConfigLoader,
    manager: PluginManager,
    runtime_params: dict[str, Any],
) -> KedroContext:
    """A Kedro context on which the hooks named in the project's settings have acted.

    They may register resolvers or complete the configuration.
    """
    from kedro.framework.project import PACKAGE_NAME, settings

    try:
        context: KedroContext = settings.CONTEXT_CLASS(
            package_name=PACKAGE_NAME,
            project_path=path,
            config_loader=loader,
            env=env,
            runtime_params=runtime_params,
            hook_manager=manager,
        )
    except Exception as error:
        raise ProjectError(
            f"CONTEXT_CLASS of settings.py cannot be used: {one_line(error)}"
        ) from error
    try:
        manager.hook.after_context_created(context=context)
    except Exception as error:
        raise ProjectError(
            "a hook of the project's settings.py failed in after_context_created: "
            f"{one_line(error)}"
        ) from error
    return context
