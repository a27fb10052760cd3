"""What a pipeline spec says, in a test's words, and whether KFP's own readers accept it."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from kfp.components import load_component_from_text
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

from kedro_vertexai.spec.write import render_spec

EXIT_HANDLER = "exit-handler-1"

Json = dict[str, Any]


def checked(spec: Json) -> Json:
    """Return the spec if KFP's schema and KFP's loader take it and its parts fit together."""
    json_format.ParseDict(spec, PipelineSpec())
    # KFP reads JSON as YAML, which is stricter about characters.
    load_component_from_text(render_spec(spec, as_json=True))
    for dag in _dags(spec):
        for name, task in dag.items():
            component = spec["components"][task["componentRef"]["name"]]
            assert set(task.get("dependentTasks", ())) <= dag.keys(), name
            assert _producers(task) <= set(task.get("dependentTasks", ())), name
            for kind in ("parameters", "artifacts"):
                wanted = component.get("inputDefinitions", {}).get(kind, {})
                assert task.get("inputs", {}).get(kind, {}).keys() == wanted.keys(), name
            if "executorLabel" in component:
                assert component["executorLabel"] in spec["deploymentSpec"]["executors"]
    return spec


def tasks(spec: Json) -> dict[str, Json]:
    """The tasks that the exit handler waits for, or all where there is none."""
    root: dict[str, Json] = spec["root"]["dag"]["tasks"]
    if EXIT_HANDLER not in root:
        return root
    found: dict[str, Json] = spec["components"][f"comp-{EXIT_HANDLER}"]["dag"]["tasks"]
    return found


def parents(spec: Json, task: str) -> set[str]:
    return set(tasks(spec)[task].get("dependentTasks", ()))


def component(spec: Json, task: str) -> Json:
    everything = {**tasks(spec), **spec["root"]["dag"]["tasks"]}
    found: Json = spec["components"][everything[task]["componentRef"]["name"]]
    return found


def executor(spec: Json, task: str) -> Json:
    found: Json = spec["deploymentSpec"]["executors"][component(spec, task)["executorLabel"]]
    return found


def container(spec: Json, task: str) -> Json:
    found: Json = executor(spec, task)["container"]
    return found


def limits(spec: Json, task: str) -> Json:
    """The task's limits in the spelling that Google's own pipelines use."""
    resources = container(spec, task).get("resources", {})
    found = {key: resources[key] for key in ("cpuLimit", "memoryLimit") if key in resources}
    if "accelerator" in resources:
        found["accelerator"] = resources["accelerator"]["type"]
        found["count"] = resources["accelerator"]["count"]
    return found


def document(spec: Json, task: str) -> Json:
    """What the task's process is told about itself."""
    constant = tasks(spec)[task]["inputs"]["parameters"]["kedro__task"]["runtimeValue"]["constant"]
    found: Json = json.loads(constant)
    return found


def inputs(spec: Json) -> dict[str, Json]:
    """The pipeline's input parameters by key."""
    found: dict[str, Json] = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return found


def defaults(spec: Json) -> Json:
    return {key: definition["defaultValue"] for key, definition in inputs(spec).items()}


def _dags(spec: Json) -> list[dict[str, Json]]:
    below = [part["dag"]["tasks"] for part in spec["components"].values() if "dag" in part]
    return [spec["root"]["dag"]["tasks"], *below]


def _producers(task: Json) -> set[str]:
    sources = task.get("inputs", {})
    found = set()
    for source in (*sources.get("parameters", {}).values(), *sources.get("artifacts", {}).values()):
        for kind in ("taskOutputParameter", "taskOutputArtifact", "taskFinalStatus"):
            if kind in source:
                found.add(source[kind]["producerTask"])
    return found
