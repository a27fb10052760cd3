"""The pipeline that runs last, whatever happened: one task, which no other hands anything.

Engines give an exit task the job's final status, its parameters and nothing else: an output of
another task or an importer's is refused. So what it reads must be where every container finds it.
https://www.kubeflow.org/docs/components/pipelines/user-guides/core-functions/control-flow/
"""

from __future__ import annotations

from collections.abc import Collection

from kedro_vertexai.catalog import Kind, base_name
from kedro_vertexai.config import RunConfig
from kedro_vertexai.errors import PlanError, did_you_mean
from kedro_vertexai.job_parameter import JOB_KEYS, inner_key, is_job_parameter
from kedro_vertexai.plan.edges import Edges, find_edges, outputs_of
from kedro_vertexai.plan.groups import Group
from kedro_vertexai.plan.model import ON_EXIT, OnExit, Parameter, Task
from kedro_vertexai.plan.parameters import used_names
from kedro_vertexai.plan.resources import Lookup, image_for, resources_for, retry_for
from kedro_vertexai.plan.staged import raw_inputs
from kedro_vertexai.project import Project

_REMEDY = (
    "give it a remote place in the catalog (gs://...), or put it into the image and say so in its "
    "entry: metadata: {vertexai: {staging: image}}"
)


def used_on_exit(exit_: Project, project: Project) -> frozenset[str]:
    """Names of the configured parameters that the exit pipeline reads.

    Raises:
        PlanError: it reads one that is neither configured nor given when the job has ended.
    """
    entries = [entry for node in exit_.nodes for entry in node.inputs]
    for entry in filter(is_job_parameter, entries):
        key = inner_key(entry).split(".")[0]
        if key and key not in JOB_KEYS:
            raise PlanError(
                f"run_config.on_exit_pipeline: '{exit_.pipeline}' reads '{entry}'"
                f"{did_you_mean(key, JOB_KEYS)} (there are: {', '.join(JOB_KEYS)})"
            )
    return used_names((e for e in entries if not is_job_parameter(e)), project.parameters)


def plan_on_exit(
    exit_: Project,
    project: Project,
    parameters: tuple[Parameter, ...],
    taken: Collection[str],
    config: RunConfig,
) -> OnExit:
    """Plan the exit pipeline as one task.

    Args:
        exit_: the exit pipeline.
        project: the pipeline that it follows.
        parameters: the inputs of the spec that it reads.
        taken: keys that inputs of the spec have.
        config: says what its nodes may use.

    Raises:
        PlanError: it reads what no exit task is given, or is no pipeline for that place.
    """
    if exit_.pipeline_ml:
        raise PlanError(
            f"run_config.on_exit_pipeline: '{exit_.pipeline}' is made by pipeline_ml_factory, "
            "and no model is logged when a job has ended: name a plain pipeline"
        )
    group = Group(exit_.pipeline, ON_EXIT, exit_.nodes, frozenset())
    edges = find_edges(exit_, [group], taken)
    _check_handed_on(exit_, project, edges)
    raw = raw_inputs(exit_, edges, in_image=config.staging == "image")
    for name in (*raw.staged, *raw.missing):
        raise PlanError(
            f"run_config.on_exit_pipeline: '{exit_.pipeline}' reads dataset '{name}' from the "
            f"local disk ({exit_.datasets[name].path}), and nothing can be staged for it: {_REMEDY}"
        )
    lookup = Lookup(exit_.pipeline, exit_.nodes)
    task = Task(
        name=ON_EXIT,
        title=exit_.pipeline,
        nodes=tuple(node.name for node in exit_.nodes),
        outputs=outputs_of(group, exit_, edges),
        parameters=parameters,
        resources=resources_for(lookup, config),
        retry=retry_for(lookup, config),
        image=image_for(lookup, config),
    )
    in_image = tuple(exit_.datasets[name].path for name in raw.in_image)
    return OnExit(
        exit_.pipeline, task, tracked=project.tracked and exit_.tracked, in_image=in_image
    )


def check_fits(exit_: Project, large: tuple[Parameter, ...]) -> None:
    """Refuse parameters that would have to travel as a file: an exit task is handed none."""
    if large:
        raise PlanError(
            f"run_config.on_exit_pipeline: '{exit_.pipeline}' reads parameter '{large[0].name}', "
            "which is too large to be passed to it: let it read a smaller one"
        )


def _check_handed_on(exit_: Project, project: Project, edges: Edges) -> None:
    writers = {base_name(output): node.name for node in project.nodes for output in node.outputs}
    for name in sorted(edges.raw):
        if name in writers and exit_.datasets[name].kind is not Kind.REMOTE:
            raise PlanError(
                f"run_config.on_exit_pipeline: '{exit_.pipeline}' reads dataset '{name}', which "
                f"'{writers[name]}' writes, and is handed nothing by other tasks: give it a "
                "remote place in the catalog (gs://...), where both find it"
            )
