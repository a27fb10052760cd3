"""The one way through: a Kedro project and its `vertexai.yml` become a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kedro_vertexai.config import PluginConfig, not_applied, parse_config
from kedro_vertexai.errors import ConfigError, ProjectError
from kedro_vertexai.exact import same
from kedro_vertexai.grouping import load_grouper
from kedro_vertexai.overrides import check_known
from kedro_vertexai.plan.build import Values, build_plan
from kedro_vertexai.plan.model import Plan
from kedro_vertexai.plan.parameters import FOR_RESOLVERS
from kedro_vertexai.plan.resources import unmatched_names
from kedro_vertexai.plan.staged import unplaced, unseen_files
from kedro_vertexai.project import Project, read_project
from kedro_vertexai.project_config import read_vertexai_config
from kedro_vertexai.project_pipeline import Filters
from kedro_vertexai.spec.build import build_spec
from kedro_vertexai.spec.dialect import VERTEX
from kedro_vertexai.staging import source_files, staged_uri
from kedro_vertexai.tracking.config import is_local
from kedro_vertexai.transfer import readable


@dataclass(frozen=True)
class Request:
    """What is asked of one compilation.

    Args:
        project_path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        pipeline: the registered pipeline.
        filters: which of its nodes.
        image: instead of the configured one.
        values: nested parameter values of this run.
        declared: types asked for by parameter name.
        new_defaults: write `values` into the spec instead of beside it.
    """

    project_path: Path
    env: str
    pipeline: str = "__default__"
    filters: Filters | None = None
    image: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    new_defaults: bool = False


@dataclass(frozen=True)
class Compiled:
    """A plan and what it was made from; `notes` are what the user should know of it."""

    plan: Plan
    project: Project
    config: PluginConfig
    notes: list[str] = field(default_factory=list)


def compile_project(request: Request) -> Compiled:
    """Read the configuration and the project, and plan the run.

    Raises:
        VertexAIError: a mistake of the user's; nothing has been written anywhere.
    """
    data, source = read_vertexai_config(request.project_path, request.env)
    config = parse_config(_with_image(data, request.image), source)
    project, given = _read(request)
    grouping = config.run_config.grouping
    on_exit = _read_on_exit(request, config)
    plan = build_plan(
        project,
        config,
        load_grouper(grouping.cls, grouping.params, project.context),
        Values(given, request.declared, request.values if request.new_defaults else {}),
        on_exit,
    )
    plan = replace(plan, environment={**plan.environment, **_passed_on()})
    notes = [*project.notes, *not_applied(config)]
    nodes = (*project.nodes, *(on_exit.nodes if on_exit else ()))
    everything = replace(project, nodes=nodes)
    notes += unmatched_names(everything, config.run_config)
    notes += _on_exit_notes(request, config, project, on_exit)
    notes += [*unseen_files(project), *unplaced(project)]
    if plan.tracked and any(task.caching for task in plan.tasks):
        notes.append(
            "run_config.caching has no effect on a tracked pipeline: every task logs into this "
            "job's MLflow run, so no earlier result is like it"
        )
    return Compiled(plan, project, config, notes)


def _passed_on() -> dict[str, str]:
    """What tasks see of the user's own environment: the peer passes this variable on."""
    return {name: os.environ[name] for name in ("KEDRO_GLOBALS_PATTERN",) if name in os.environ}


def _with_image(data: dict[str, Any], image: str | None) -> dict[str, Any]:
    run_config = data.get("run_config") or {}
    if not image or not isinstance(run_config, dict):
        return data
    return {**data, "run_config": {**run_config, "image": image}}


def _read(request: Request) -> tuple[Project, dict[str, Any]]:
    """The project with its configured parameters, and by name what this run changes."""
    if not request.values:
        project = _read_with(request, {})
        check_known(list(request.declared), project)
        return project, {}
    changed = _read_with(request, request.values)
    check_known(list(request.declared), changed)
    try:
        configured = _read_with(request, {})
    except ProjectError:
        # A resolver without a default needs what was given here.
        configured = changed
    known = replace(changed, parameters=configured.parameters)
    check_known(request.values, known)
    if request.new_defaults:
        return changed, {}
    values = {
        name: parameter.value
        for name, parameter in changed.parameters.items()
        if name not in configured.parameters
        or not same(configured.parameters[name].value, parameter.value)
    }
    return known, {**values, FOR_RESOLVERS: dict(request.values)}


def _read_on_exit(request: Request, config: PluginConfig) -> Project | None:
    """The pipeline to run last; none after itself.

    Raises:
        ConfigError: it cannot be read.
    """
    name = config.run_config.on_exit_pipeline
    if name in (None, request.pipeline):
        return None
    try:
        return _read_with(replace(request, pipeline=str(name), filters=None), request.values)
    except ProjectError as error:
        raise ConfigError(f"run_config.on_exit_pipeline: {error}") from error


def _on_exit_notes(
    request: Request, config: PluginConfig, project: Project, on_exit: Project | None
) -> list[str]:
    if config.run_config.on_exit_pipeline == request.pipeline:
        return [f"'{request.pipeline}' is run_config.on_exit_pipeline: it runs once, as asked"]
    if on_exit is None:
        return []
    twice = {node.name for node in project.nodes} & {node.name for node in on_exit.nodes}
    notes = [note for note in on_exit.notes if note not in project.notes]
    if twice:
        notes.append(
            f"node '{min(twice)}' of run_config.on_exit_pipeline is in '{request.pipeline}' too, "
            "and runs twice: leave it out there, in pipeline_registry.py"
        )
    return notes


def _read_with(request: Request, values: Mapping[str, Any]) -> Project:
    return read_project(
        request.project_path,
        env=request.env,
        pipeline=request.pipeline,
        filters=request.filters,
        runtime_params=values,
    )


def missing_inputs(plan: Plan) -> list[str]:
    """A sentence for each raw input that is not on this disk."""
    return [
        f"dataset '{missing.dataset}' has nothing at {missing.path}" for missing in plan.missing
    ]


def notes_for_vertex(compiled: Compiled) -> list[str]:
    """What must be so before the spec of `spec_for_vertex` can run, and is not seen to."""
    project = compiled.project
    notes = [f"{sentence}: the image must hold it" for sentence in missing_inputs(compiled.plan)]
    uri = project.mlflow.tracking_uri if project.mlflow else ""
    if uri and is_local(uri):
        notes.append(
            f"mlflow.yml records runs at {uri}, which is another store on each "
            "machine: on Vertex AI, server.mlflow_tracking_uri must name a server"
        )
    return notes


def inputs_to_stage(compiled: Compiled) -> list[str]:
    """What `kedro vertexai stage` uploads for the spec of `spec_for_vertex`, an input a line.

    Whether it is there already is not known here: compiling asks no network.
    """
    root = staging_root(compiled)
    return [
        f"{staged.dataset}: {staged.path + ', ' if staged.path else ''}"
        f"{readable(sum(file.size for file in source_files(staged, compiled.project.path)))}, "
        f"to {staged_uri(root, staged)}"
        for staged in compiled.plan.staged
    ]


def staging_root(compiled: Compiled) -> str:
    """Where `run_config.root` puts the inputs of this run; empty if there are none.

    Raises:
        ConfigError: the run has inputs to stage, and no root to stage them under.
    """
    root = compiled.config.run_config.root_uri
    if root is None and compiled.plan.staged:
        names = ", ".join(sorted(staged.dataset for staged in compiled.plan.staged))
        raise ConfigError(f"run_config.root is not set, and inputs must be staged: {names}")
    return root or ""


def spec_for_vertex(compiled: Compiled) -> dict[str, Any]:
    """The spec as Vertex AI reads it, with artifacts under `run_config.root`.

    Raises:
        ConfigError: the run has inputs to stage, and no root to stage them under.
    """
    return build_spec(compiled.plan, root=staging_root(compiled), dialect=VERTEX)
