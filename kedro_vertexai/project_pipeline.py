"""One pipeline of the project's registry, and the filters of `kedro run` on it."""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ProjectError, did_you_mean
from kedro_vertexai.project_config import one_line

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

# `find_pipelines` says so of a module and goes on without it.
_UNLOADED = re.compile(r"while importing the '([^']+)' module")


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

    def of_pipeline(self) -> dict[str, Any]:
        """The arguments of `Pipeline.filter`."""
        given = {**vars(self), "node_namespaces": self.namespaces}
        del given["namespaces"]
        return {name: values or None for name, values in given.items()}


def load_pipeline(name: str) -> Pipeline:
    """The registered pipeline of this name.

    Raises:
        ProjectError: there is none, or a module of the project's pipelines cannot be imported.
    """
    from kedro.framework.project import pipelines

    if name != "__default__":
        # Kedro then imports this pipeline's module alone, if there is one of its name.
        try:
            registered, unloaded = _registry([name])
        except (Exception, SystemExit):
            logging.getLogger(__name__).debug("'%s' is no module of pipelines", name)
        else:
            if name in registered and not unloaded:
                return _a_pipeline(name, registered[name])
    try:
        registered, unloaded = _registry(None)
    except (Exception, SystemExit) as error:
        # Kedro names the module, and what was wrong in it is the cause.
        reason = ": ".join(one_line(part) for part in (error, error.__cause__) if part)
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
    return _a_pipeline(name, registered[name])


def registered_names() -> list[str]:
    """The names of the pipelines that the project registers.

    Raises:
        ProjectError: the registry cannot be read.
    """
    try:
        return list(_registry(None)[0])
    except Exception as error:  # the project's own code
        text = " ".join(str(error).split())
        raise ProjectError(f"the pipelines cannot be read: {text}") from error


def _a_pipeline(name: str, found: Any) -> Pipeline:
    from kedro.pipeline import Pipeline

    if not isinstance(found, Pipeline):
        raise ProjectError(
            f"pipeline '{name}' is registered as {type(found).__name__}, not as a Kedro Pipeline"
        )
    return found


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


def filtered(pipeline: Pipeline, name: str, filters: Filters | None) -> Pipeline:
    """The nodes of a pipeline that pass all filters.

    Raises:
        ProjectError: a filter names what is not there, or leaves no node.
    """
    if filters:
        try:
            pipeline = pipeline.filter(**filters.of_pipeline())
        except ValueError as error:
            raise ProjectError(f"pipeline '{name}': {_reason(error, pipeline, filters)}") from error
    if not pipeline.nodes:
        from kedro.framework.project import pipelines

        full = sorted(key for key, value in dict(pipelines).items() if getattr(value, "nodes", ()))
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
        return one_line(error)
    return (
        f"no node has the tag '{unknown[0]}'{did_you_mean(unknown[0], known)} "
        f"(tags: {', '.join(known) or 'none'})"
    )
