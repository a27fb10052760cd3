"""What is in a Kedro project: one pipeline's nodes, the datasets they touch, the parameters.

Reads through Kedro's public doors and returns plain data, so that nothing after this module
needs Kedro. Neither the plugins' hooks nor the dataset classes of kedro-mlflow are loaded:
they import mlflow, which takes seconds and is not needed to know what a project holds.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro_vertexai.catalog import Dataset, describe_datasets
from kedro_vertexai.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.pipeline import Pipeline

_RUNTIME_RESOLVER = re.compile(r"\$\{\s*runtime_params\s*:\s*([^,}\s]+)")

# `find_pipelines` says so of a module and goes on without it.
_UNLOADED = re.compile(r"while importing the '([^']+)' module")


@dataclass(frozen=True)
class Node:
    """One Kedro node: names only, in the order Kedro would run them."""

    name: str
    tags: frozenset[str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


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
class Filters:
    """The node filters of `kedro run`, under its names."""

    tags: tuple[str, ...] = ()
    node_names: tuple[str, ...] = ()
    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    from_inputs: tuple[str, ...] = ()
    to_outputs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(vars(self).values())


@dataclass(frozen=True)
class Project:
    """One pipeline of a Kedro project, read once.

    `node_dependencies` is Kedro's own mapping of node to parent nodes and `context` Kedro's
    own context: node groupers that a user wrote expect them. `runtime_names` are the names
    that `${runtime_params:...}` reads anywhere in the configuration.
    """

    path: Path
    package: str
    env: str
    pipeline: str
    nodes: tuple[Node, ...]
    datasets: Mapping[str, Dataset]
    parameters: Mapping[str, ParameterValue]
    runtime_names: frozenset[str] = frozenset()
    tracked: bool = False
    node_dependencies: Mapping[Any, set[Any]] = field(default_factory=dict)
    context: Any = None


def read_vertexai_config(path: Path, env: str) -> tuple[dict[str, Any], str]:
    """Return the content of `vertexai.yml` as Kedro merges it, and the file to name in errors.

    Raises:
        ProjectError: no such environment, no such file in it or in `conf/base`, or the file
            cannot be read.
    """
    from kedro.config import MissingConfigException

    _check_settings()
    _check_env(path, env)
    loader = _config_loader(path, env, {})
    places = [directory.relative_to(path) for directory in conf_dirs(path, env)]
    with _config_errors("vertexai.yml"):
        try:
            data = loader["vertexai"]
        except MissingConfigException:
            raise ProjectError(
                f"no vertexai.yml in {' or '.join(map(str, places))}: "
                "run `kedro vertexai init PROJECT_ID REGION` to write one"
            ) from None
    return data, _conf_files(path, env, "vertexai")


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

    loader = _config_loader(path, env, dict(runtime_params or {}))
    context = _context(path, env, loader, dict(runtime_params or {}))
    kedro_pipeline = _filter(_load_pipeline(pipeline), pipeline, filters)
    nodes = tuple(_node(node) for node in kedro_pipeline.nodes)
    parameters = _mapping(loader, "parameters")
    catalog = _mapping(loader, "catalog")
    names = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    return Project(
        path=path,
        package=str(PACKAGE_NAME),
        env=env,
        pipeline=pipeline,
        nodes=nodes,
        datasets=describe_datasets(catalog, names, path),
        parameters=flatten_parameters(parameters),
        runtime_names=frozenset(_runtime_names(path, env)),
        tracked=_is_tracked(loader, pipeline),
        node_dependencies=kedro_pipeline.node_dependencies,
        context=context,
    )


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
    return Node(node.name, frozenset(node.tags), tuple(node.inputs), tuple(node.outputs))


def _config_loader(path: Path, env: str, runtime_params: dict[str, Any]) -> AbstractConfigLoader:
    from kedro.framework.project import settings

    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(path / settings.CONF_SOURCE),
        env=env,
        runtime_params=runtime_params,
        **settings.CONFIG_LOADER_ARGS,
    )
    for name in ("vertexai", "mlflow"):
        loader.config_patterns.setdefault(name, [f"{name}*", f"{name}*/**", f"**/{name}*"])
    return loader  # type: ignore[no-any-return]


def _context(
    path: Path, env: str, loader: AbstractConfigLoader, runtime_params: dict[str, Any]
) -> KedroContext:
    """A Kedro context on which the hooks named in the project's settings have acted.

    They may register resolvers or complete the configuration. Hooks of installed plugins do
    not run: kedro-mlflow's would import mlflow and open a run, telemetry's would call home.
    """
    from kedro.framework.hooks import specs
    from kedro.framework.hooks.markers import HOOK_NAMESPACE
    from kedro.framework.project import PACKAGE_NAME, settings
    from pluggy import PluginManager

    manager = PluginManager(HOOK_NAMESPACE)
    for spec in vars(specs).values():
        if isinstance(spec, type) and spec.__module__ == specs.__name__:
            manager.add_hookspecs(spec)
    for hook in settings.HOOKS:
        manager.register(hook)
    context: KedroContext = settings.CONTEXT_CLASS(
        package_name=PACKAGE_NAME,
        project_path=path,
        config_loader=loader,
        env=env,
        runtime_params=runtime_params,
        hook_manager=manager,
    )
    try:
        manager.hook.after_context_created(context=context)
    except Exception as error:
        raise ProjectError(
            f"a hook of the project's settings.py failed in after_context_created: {_line(error)}"
        ) from error
    return context


def _load_pipeline(name: str) -> Pipeline:
    from kedro.framework.project import pipelines

    if name != "__default__":
        # Kedro then imports this pipeline's module alone, if there is one of its name.
        try:
            registered, unloaded = _registry([name])
            if name in registered and not unloaded:
                return cast("Pipeline", registered[name])
        except (Exception, SystemExit):
            logging.getLogger(__name__).debug("'%s' is no module of pipelines", name)
    try:
        registered, unloaded = _registry(None)
    except (Exception, SystemExit) as error:
        # Kedro names the module, and what was wrong in it is the cause.
        reason = ": ".join(_line(part) for part in (error, error.__cause__) if part)
        raise ProjectError(f"the project's pipelines cannot be loaded: {reason}") from error
    finally:
        pipelines.set_requested(None)
    if unloaded:
        # Kedro goes on without such a module's nodes; a run on other machines that silently
        # lacks a part of its pipeline is worse than none.
        raise ProjectError(f"pipeline '{name}' cannot be loaded: {unloaded[0]}")
    if name not in registered:
        raise ProjectError(
            f"no pipeline named '{name}'{did_you_mean(name, registered)} "
            f"(registered: {', '.join(sorted(registered))})"
        )
    return cast("Pipeline", registered[name])


def _registry(requested: list[str] | None) -> tuple[dict[str, Any], list[str]]:
    """The registered pipelines, and what `find_pipelines` warned that it could not import.

    Other warnings are passed on.
    """
    from kedro.framework.project import pipelines

    pipelines.set_requested(requested)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        registered = dict(pipelines)
    unloaded = []
    for warning in caught:
        text = str(warning.message)
        if match := _UNLOADED.search(text):
            unloaded.append(f"{match[1]} fails to import: {text.strip().splitlines()[-1]}")
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return registered, unloaded


def _filter(pipeline: Pipeline, name: str, filters: Filters | None) -> Pipeline:
    if filters:
        try:
            pipeline = pipeline.filter(
                tags=filters.tags or None,
                node_names=filters.node_names or None,
                from_nodes=filters.from_nodes or None,
                to_nodes=filters.to_nodes or None,
                from_inputs=filters.from_inputs or None,
                to_outputs=filters.to_outputs or None,
                node_namespaces=filters.namespaces or None,
            )
        except ValueError as error:
            raise ProjectError(f"pipeline '{name}': {_reason(error, pipeline, filters)}") from error
    if not pipeline.nodes:
        from kedro.framework.project import pipelines

        full = sorted(key for key, value in dict(pipelines).items() if value.nodes)
        raise ProjectError(
            f"pipeline '{name}' has no nodes to run"
            + (f" (pipelines with nodes: {', '.join(full)})" if full else "")
        )
    return pipeline


def _reason(error: ValueError, pipeline: Pipeline, filters: Filters) -> str:
    """Why a filter does not work: Kedro's own words, but for tags, of which it names none."""
    known = sorted({tag for node in pipeline.nodes for tag in node.tags})
    unknown = [tag for tag in filters.tags if tag not in known]
    if not unknown:
        return _line(error)
    return (
        f"no node has the tag '{unknown[0]}'{did_you_mean(unknown[0], known)} "
        f"(tags: {', '.join(known) or 'none'})"
    )


def _check_settings() -> None:
    """Dynaconf takes settings that cannot be imported for settings that say nothing."""
    from kedro.framework.project import validate_settings

    try:
        validate_settings()
    except Exception as error:
        raise ProjectError(f"settings.py cannot be imported: {_line(error)}") from error


def _check_env(path: Path, env: str) -> None:
    """Kedro takes an environment whose directory is missing for a missing file."""
    directory = conf_dirs(path, env)[-1]
    if directory.is_dir():
        return
    known = sorted(entry.name for entry in directory.parent.glob("*/"))
    raise ProjectError(
        f"no Kedro environment '{env}'{did_you_mean(env, known)}: {directory.relative_to(path)} "
        f"is no directory (environments: {', '.join(known) or 'none'})"
    )


def _mapping(loader: AbstractConfigLoader, key: str) -> dict[str, Any]:
    """What the configuration says under this key; empty where there is no such file."""
    from kedro.config import MissingConfigException

    try:
        with _config_errors(key):
            found: Any = loader[key]
    except MissingConfigException:
        return {}
    if not isinstance(found, dict):
        raise ProjectError(
            f"the project's {key} hold a {type(found).__name__}, not keys and values"
        )
    return found


@contextmanager
def _config_errors(what: str) -> Iterator[None]:
    """Name the configuration that cannot be read, in one line."""
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        yield
    except (YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ProjectError(f"the project's {what} cannot be read: {_line(error)}") from error
    except AttributeError as error:
        # Kedro's loader takes every file for a mapping.
        raise ProjectError(f"the project's {what}: a file does not hold keys and values") from error


def _line(error: BaseException) -> str:
    """An exception as one line: its type, unless the text says enough, and its text."""
    text = " ".join(str(error).split())
    return text if text and isinstance(error, ValueError) else f"{type(error).__name__}: {text}"


def conf_dirs(path: Path, env: str) -> list[Path]:
    """The directories that Kedro merges for this environment, the base first."""
    from kedro.framework.project import settings

    base = settings.CONFIG_LOADER_ARGS.get("base_env", "base")
    return [path / settings.CONF_SOURCE / name for name in dict.fromkeys((base, env))]


def _conf_files(path: Path, env: str, name: str) -> str:
    """The files that Kedro merges for `name`, relative to the project, joined with `+`."""
    files = [
        file.relative_to(path).as_posix()
        for directory in conf_dirs(path, env)
        for file in sorted(directory.glob(f"**/{name}*"))
        if file.suffix in (".yml", ".yaml", ".json")
    ]
    return " + ".join(files) or f"{name}.yml"


def _runtime_names(path: Path, env: str) -> Iterator[str]:
    """Names read by `${runtime_params:name}` anywhere in the configuration, `mlflow.yml` too."""
    for directory in conf_dirs(path, env):
        for file in sorted(directory.rglob("*")):
            if file.suffix in (".yml", ".yaml", ".json") and file.is_file():
                yield from _RUNTIME_RESOLVER.findall(file.read_text("utf-8", "replace"))


def _is_tracked(loader: AbstractConfigLoader, pipeline: str) -> bool:
    """Whether kedro-mlflow would track this pipeline: installed, configured, not disabled."""
    from kedro.config import MissingConfigException
    from kedro.framework.project import settings
    from omegaconf import OmegaConf

    if importlib.util.find_spec("kedro_mlflow") is None:
        return False
    if {"kedro-mlflow", "kedro_mlflow"} & set(settings.DISABLE_HOOKS_FOR_PLUGINS):
        return False
    # kedro-mlflow registers this resolver in its own hook; a run's name is not needed here.
    placeholder = not OmegaConf.has_resolver("km.random_name")
    if placeholder:
        register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
        register("km.random_name", lambda: "")
    try:
        with _config_errors("mlflow.yml"):
            config = loader["mlflow"]
    except MissingConfigException:
        return False
    finally:
        if placeholder:
            OmegaConf.clear_resolver("km.random_name")
    said: Any = config
    for key in ("tracking", "disable_tracking", "pipelines"):
        if not isinstance(said, dict):
            raise ProjectError(f"the project's mlflow.yml: no '{key}' can be in {said!r}")
        said = said.get(key) or {}
    return pipeline not in said
