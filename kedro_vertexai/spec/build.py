"""A `Plan` as a KFP v2 pipeline spec: plain data in the shape of KFP's protobuf schema.

https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

from collections.abc import Iterable

from kedro_vertexai.plan.model import (
    EXIT_HANDLER,
    START_RUN,
    Parameter,
    Plan,
    Reference,
    StagedInput,
)
from kedro_vertexai.spec.dialect import VERTEX, Dialect
from kedro_vertexai.spec.executors import Executors, Json, Registry
from kedro_vertexai.spec.exit_handler import (
    exit_component,
    exit_name,
    handled,
    handled_component,
    start_component,
    start_task,
)
from kedro_vertexai.spec.lineage import with_lineage_of
from kedro_vertexai.spec.sharing import SHARE_FROM, with_common_keys
from kedro_vertexai.spec.task_document import parameter_value
from kedro_vertexai.spec.tasks import (
    PARAMETER_TYPES,
    importer_component,
    importer_task,
    node_component,
    node_task,
)

# The schema that this package writes: the Kubeflow backend pins it.
SCHEMA_VERSION = "2.1.0"
SDK_VERSION = "kfp-2.17.0"


def build_spec(
    plan: Plan, *, root: str, dialect: Dialect = VERTEX, share_from: int = SHARE_FROM
) -> Json:
    """Write the plan as a pipeline spec.

    Args:
        plan: what will run.
        root: URL or path under which artifacts and staged inputs lie.
        dialect: the engine that reads it.
        share_from: number of tasks above which they share components.
    """
    plan = with_lineage_of(plan, dialect)
    shared = Registry("comp-") if len(plan.tasks) > share_from else None
    if shared:
        plan = with_common_keys(plan)
    executors = Executors(plan, dialect)
    components: dict[str, Json] = {}

    def component(owner: str, entry: Json) -> str:
        """Write a component named after its task."""
        components[f"comp-{owner}"] = entry
        return f"comp-{owner}"

    tasks: dict[str, Json] = {}
    if plan.tracked:
        name = component(START_RUN, start_component(plan, executors))
        tasks[START_RUN] = start_task(plan, name, dialect)
    raw: list[StagedInput | Reference] = [*plan.staged, *plan.references]
    for imported in raw:
        name = component(imported.task, importer_component(imported, executors, root))
        tasks[imported.task] = importer_task(imported, name)
    for task in plan.tasks:
        entry = node_component(task, plan, executors)
        name = shared.add("task", entry) if shared else component(task.name, entry)
        tasks[task.name] = node_task(task, plan, name)
    if plan.tracked or plan.on_exit:
        sub_pipeline = component(EXIT_HANDLER, handled_component(plan, tasks))
        last = component(exit_name(plan), exit_component(plan, executors))
        tasks = handled(plan, (sub_pipeline, last))
    return {
        "pipelineInfo": {"name": plan.name}
        | ({"description": plan.description} if plan.description else {}),
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": SDK_VERSION,
        "root": {"dag": {"tasks": tasks}} | _input_definitions(plan.parameters),
        "components": components | (shared.entries if shared else {}),
        "deploymentSpec": {"executors": executors.entries},
        **({"defaultPipelineRoot": root} if root else {}),
    }


def job_values(plan: Plan) -> Json:
    """This run's parameter values, in the form of the spec's inputs."""
    types = {parameter.key: parameter.type for parameter in plan.parameters}
    return {key: parameter_value(types[key], value) for key, value in plan.values.items()}


def _input_definitions(parameters: Iterable[Parameter]) -> Json:
    definitions = {
        p.key: {
            "parameterType": PARAMETER_TYPES[p.type],
            "defaultValue": parameter_value(p.type, p.default),
            "isOptional": True,
            **({"description": _description(p)} if p.name != p.key else {}),
        }
        for p in parameters
    }
    return {"inputDefinitions": {"parameters": definitions}} if definitions else {}


def _description(parameter: Parameter) -> str:
    if not parameter.path:
        return "Runtime parameters for the configuration's resolvers, as a JSON object"
    return f"Kedro parameter {parameter.name}"
