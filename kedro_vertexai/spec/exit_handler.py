"""The first and the last task of a tracked pipeline: they open and close the MLflow run."""

from __future__ import annotations

from kedro_vertexai.plan.model import EXIT_HANDLER, FINISH_RUN, START_RUN, Plan
from kedro_vertexai.spec.executors import Executors, Json
from kedro_vertexai.spec.tasks import (
    identity,
    parameter_types,
    passed_on,
    retry_policy,
    strings,
)
from kedro_vertexai.task_inputs import JOB, JOB_ID, JOB_NAME, RUN, STATUS


def start_task(plan: Plan, component: str) -> Json:
    """The first task. It is given what resolvers in `mlflow.yml` may read."""
    return {
        "taskInfo": {"name": START_RUN},
        "componentRef": {"name": component},
        "inputs": {"parameters": {**identity(), **_for_resolvers(plan)}},
        **retry_policy(plan.retry),
    }


def start_component(plan: Plan, executors: Executors) -> Json:
    """The component of the first task; its output tells every other one the job and the run."""
    return {
        "executorLabel": executors.container(START_RUN),
        "inputDefinitions": {"parameters": strings([JOB_NAME, JOB_ID, *_for_resolvers(plan)])},
        "outputDefinitions": {"parameters": strings([JOB])},
    }


def handled(plan: Plan, components: tuple[str, str]) -> dict[str, Json]:
    """The pipeline's two tasks: all of the plan's in a sub-pipeline, then the exit handler.

    Args:
        plan: what runs.
        components: names of the sub-pipeline's and the exit handler's component.
    """
    parameters = passed_on(plan.parameters)
    return {
        EXIT_HANDLER: {
            "taskInfo": {"name": EXIT_HANDLER},
            "componentRef": {"name": components[0]},
            **({"inputs": {"parameters": parameters}} if parameters else {}),
        },
        FINISH_RUN: {
            "taskInfo": {"name": FINISH_RUN},
            "componentRef": {"name": components[1]},
            "dependentTasks": [EXIT_HANDLER],
            "inputs": {
                "parameters": {
                    **identity(),
                    **_for_resolvers(plan),
                    STATUS: {"taskFinalStatus": {"producerTask": EXIT_HANDLER}},
                }
            },
            "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            **retry_policy(plan.retry),
        },
    }


def handled_component(plan: Plan, tasks: dict[str, Json]) -> Json:
    """The sub-pipeline. No defaults: the pipeline has them and hands every value over."""
    types = parameter_types(plan.parameters)
    inputs = {"inputDefinitions": {"parameters": types}} if types else {}
    return {"dag": {"tasks": tasks}, **inputs}


def finish_component(plan: Plan, executors: Executors) -> Json:
    """The component of the exit handler."""
    return {
        "executorLabel": executors.container(FINISH_RUN),
        "inputDefinitions": {
            "parameters": {
                **strings([JOB_NAME, JOB_ID, *_for_resolvers(plan)]),
                STATUS: {"parameterType": "TASK_FINAL_STATUS", "isOptional": True},
            }
        },
        "outputDefinitions": {"parameters": strings([RUN])},
    }


def _for_resolvers(plan: Plan) -> Json:
    return passed_on(p for p in plan.parameters if not p.path)
