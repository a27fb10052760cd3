"""The first and the last task: they open and close the MLflow run of a tracked pipeline.

The last one ends the run, then runs the exit pipeline, if there is one: engines allow one exit
handler.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kedro_vertexai import __version__
from kedro_vertexai.plan.model import EXIT_HANDLER, FINISH_RUN, ON_EXIT, START_RUN, Parameter, Plan
from kedro_vertexai.spec.dialect import Dialect
from kedro_vertexai.spec.executors import Executors, Json
from kedro_vertexai.spec.task_document import exact_json, task_document
from kedro_vertexai.spec.tasks import (
    identity,
    output_artifacts,
    parameter_types,
    passed_on,
    retry_policy,
    strings,
)
from kedro_vertexai.task_inputs import JOB, JOB_ID, JOB_NAME, RUN, STATUS, TASK, TRACKING

# Bytes. Names are left out above, so that a task's arguments fit into Linux's 131,072.
_LONGEST_NAMES = 32_768


def start_task(plan: Plan, component: str, dialect: Dialect) -> Json:
    """The first task. It is given what resolvers in `mlflow.yml` may read."""
    known = {
        "image": plan.image,
        "plugin_version": __version__,
        "job_page": _job_page(plan, dialect),
        "commit": plan.commit,
        "dirty": str(plan.is_dirty).lower() if plan.commit else "",
    }
    return {
        "taskInfo": {"name": START_RUN},
        "componentRef": {"name": component},
        "inputs": {"parameters": {**identity(), **_for_resolvers(plan), **_tracking(plan, known)}},
        **retry_policy(plan.retry),
    }


def start_component(plan: Plan, executors: Executors) -> Json:
    """The component of the first task; its output tells every other one the job and the run."""
    return {
        "executorLabel": executors.container(START_RUN),
        "inputDefinitions": {"parameters": strings(_inputs(plan))},
        "outputDefinitions": {"parameters": strings([JOB])},
    }


def handled(plan: Plan, components: tuple[str, str]) -> dict[str, Json]:
    """The pipeline's two tasks: all of the plan's in a sub-pipeline, then the exit handler.

    Args:
        plan: what runs.
        components: names of the sub-pipeline's and the exit handler's component.
    """
    parameters = passed_on(_of_the_tasks(plan))
    return {
        EXIT_HANDLER: {
            "taskInfo": {"name": EXIT_HANDLER},
            "componentRef": {"name": components[0]},
            **({"inputs": {"parameters": parameters}} if parameters else {}),
        },
        exit_name(plan): {
            "taskInfo": {"name": exit_name(plan)},
            "componentRef": {"name": components[1]},
            "dependentTasks": [EXIT_HANDLER],
            "inputs": {
                "parameters": {
                    **identity(),
                    **_for_resolvers(plan),
                    **_tracking(plan, _known_at_the_end(plan)),
                    **_on_exit_inputs(plan),
                    STATUS: {"taskFinalStatus": {"producerTask": EXIT_HANDLER}},
                }
            },
            "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            **retry_policy(plan.on_exit.task.retry if plan.on_exit else plan.retry),
        },
    }


def handled_component(plan: Plan, tasks: dict[str, Json]) -> Json:
    """The sub-pipeline. No defaults: the pipeline has them and hands every value over."""
    types = parameter_types(_of_the_tasks(plan))
    inputs = {"inputDefinitions": {"parameters": types}} if types else {}
    return {"dag": {"tasks": tasks}, **inputs}


def exit_name(plan: Plan) -> str:
    """The exit handler's name, which is that of its command."""
    return FINISH_RUN if plan.tracked else ON_EXIT


def exit_component(plan: Plan, executors: Executors) -> Json:
    """The component of the exit handler."""
    last = plan.on_exit
    outputs: Json = {"parameters": strings([RUN])} if plan.tracked else {}
    if last:
        label = executors.container(exit_name(plan), last.task, on_exit=last.pipeline)
        outputs |= output_artifacts(last.task)
    else:
        label = executors.container(FINISH_RUN)
    return {
        "executorLabel": label,
        "inputDefinitions": {
            "parameters": {
                **strings(_inputs(plan)),
                **(strings([TASK]) if last else {}),
                **parameter_types(_on_exit_parameters(plan)),
                STATUS: {"parameterType": "TASK_FINAL_STATUS", "isOptional": True},
            }
        },
        **({"outputDefinitions": outputs} if outputs else {}),
    }


def _on_exit_parameters(plan: Plan) -> tuple[Parameter, ...]:
    """What the exit pipeline reads beside what every exit handler is given."""
    return tuple(p for p in plan.on_exit.task.parameters if p.path) if plan.on_exit else ()


def _on_exit_inputs(plan: Plan) -> Json:
    if plan.on_exit is None:
        return {}
    told = {"runtimeValue": {"constant": task_document(plan.on_exit.task)}}
    return {TASK: told, **passed_on(_on_exit_parameters(plan))}


def _known_at_the_end(plan: Plan) -> dict[str, Any]:
    untracked = plan.tracked and plan.on_exit is not None and not plan.on_exit.tracked
    return {**_names(plan), "exit_untracked": untracked}


def _of_the_tasks(plan: Plan) -> list[Parameter]:
    """What the sub-pipeline is handed: all but what the exit pipeline alone reads."""
    read = {parameter.key for task in plan.tasks for parameter in task.parameters}
    return [p for p in plan.parameters if p.key in read or not p.path]


def _for_resolvers(plan: Plan) -> Json:
    return passed_on(p for p in plan.parameters if not p.path)


def _inputs(plan: Plan) -> list[str]:
    return [JOB_NAME, JOB_ID, *_for_resolvers(plan), TRACKING]


def _tracking(plan: Plan, known: Mapping[str, Any]) -> Json:
    """What holds for every job of this spec; what is empty is not said."""
    required = {"required": plan.tracking.required, "retry_for": plan.tracking.retry_for}
    document = {
        **(required if plan.tracked else {}),
        **{key: value for key, value in known.items() if value},
    }
    return {TRACKING: {"runtimeValue": {"constant": exact_json(document)}}}


def _job_page(plan: Plan, dialect: Dialect) -> str:
    """The address of a job's page, but for the job's name: `{job}`."""
    names = {"{project}": "GCP_PROJECT_ID", "{region}": "GCP_REGION"}
    page = dialect.job_page
    for word, variable in names.items():
        page = page.replace(word, plan.environment.get(variable, ""))
    return page


def _names(plan: Plan) -> dict[str, Any]:
    """The user's own names by those that an engine speaks of, where the two differ.

    And the nodes of tasks of several, of which a node tells its failure by its own name.
    """
    titles = {task.name: task.title for task in plan.tasks if task.name != task.title}
    groups = {task.title: list(task.nodes) for task in plan.tasks if len(task.nodes) > 1}
    for names in ({"titles": titles, "groups": groups}, {"titles": titles}):
        if len(json.dumps(names)) <= _LONGEST_NAMES:
            return {**names, "names_left_out": "groups" not in names}
    return {"names_left_out": True}
