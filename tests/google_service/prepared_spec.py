"""A submitted spec as the local engine can run it in Vertex AI's place."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google_service.bucket_files import BucketFiles
from google_service.images import split
from google_service.structure import task_tree

_JOB_PLACEHOLDERS = ("{{$.pipeline_job_uuid}}", "{{$.pipeline_job_resource_name}}")

_HOST_ALIAS = "--host-alias"  # of the runtime's command line


def image_of_job(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The image that the job's containers run in; None if none of theirs exists.

    Raises:
        NotImplementedError: they stand for several projects, which one engine cannot run.
    """
    known = {image["image"]: image for image in request["images"]}
    names = (_known_name(container["image"]) for _, container in _containers(request["spec"]))
    used = {name: known[name] for name in names if name in known}
    projects = {image["project"] for image in used.values()}
    if len(projects) > 1:
        raise NotImplementedError("images of several projects in one job")
    return next(iter(used.values()), None)


def prepared_for_containers(request: Mapping[str, Any], bucket: BucketFiles) -> dict[str, Any]:
    """Return the spec to run where each task has a container: it needs no more than its values.

    Args:
        request: of the child process.
        bucket: fetches what is imported.
    """
    spec: dict[str, Any] = copy.deepcopy(request["spec"])
    values = _with_constants(spec, request, bucket)
    for _, container in _containers(spec):
        for part in ("command", "args"):
            container[part] = [_resolved(text, values) for text in container.get(part, ())]
    return spec


def containers_by_task(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The container of each task by the engine's name of the task."""
    containers = dict(_containers(spec))
    return {
        name: containers[label] for name, label in _executors(spec).items() if label in containers
    }


def prepared(
    request: Mapping[str, Any], bucket: BucketFiles
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the spec to run, and by task what Vertex AI says of those that cannot start.

    Args:
        request: of the child process.
        bucket: fetches what is imported.
    """
    spec: dict[str, Any] = copy.deepcopy(request["spec"])
    values = _with_constants(spec, request, bucket)
    known = {image["image"] for image in request["images"]}
    unknown = {}
    for label, container in _containers(spec):
        for part in ("command", "args"):
            texts = _without_host_aliases(container.get(part, ()))
            container[part] = [_resolved(text, values) for text in texts]
        if _known_name(container["image"]) not in known:
            unknown[label] = no_image(container["image"])
            container["command"] = ["python", "-c", "import sys; sys.exit(1)"]
            container["args"] = []
    return spec, {
        name: unknown[label] for name, label in _executors(spec).items() if label in unknown
    }


def _with_constants(
    spec: dict[str, Any], request: Mapping[str, Any], bucket: BucketFiles
) -> dict[str, str]:
    """Put in what is known before a task starts; return what the placeholders of a job mean."""
    values = dict(zip(_JOB_PLACEHOLDERS, (request["job_uuid"], request["job_name"]), strict=True))
    _resolve_constants(spec["root"], values)
    for component in spec["components"].values():
        _resolve_constants(component, values)
    for executor in spec["deploymentSpec"]["executors"].values():
        if "importer" in executor:
            _fetch(executor["importer"], bucket)
    return values


def _without_host_aliases(arguments: Sequence[str]) -> list[str]:
    """A container has a hosts file of its own; here it would be this machine's."""
    return [
        text
        for before, text in zip(("", *arguments), arguments, strict=False)
        if _HOST_ALIAS not in (before, text)
    ]


def _known_name(image: str) -> str:
    name, reference = split(image)
    return f"{name}{'@' if reference.startswith('sha256:') else ':'}{reference}"


def no_image(image: str) -> str:
    """What Vertex AI says where it cannot pull one."""
    return (
        "com.google.cloud.ai.platform.common.errors.AiPlatformException: code=INVALID_ARGUMENT, "
        f"message=Image {image} is not found or the service agent has no permission to read it., "
        "cause=null; Failed to create custom job for the task."
    )


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for label, executor in spec.get("deploymentSpec", {}).get("executors", {}).items():
        if "container" in executor:
            yield label, executor["container"]


def _executors(spec: Mapping[str, Any]) -> dict[str, str]:
    """The executor of each task by the engine's name of the task."""
    found: dict[str, str] = {}
    for node in task_tree(spec):
        component = spec["root"]
        for part in node.unique_name.split("."):
            component = spec["components"][component["dag"]["tasks"][part]["componentRef"]["name"]]
        found[node.name] = component.get("executorLabel", "")
    return found


def _resolve_constants(component: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """Only a constant that is one placeholder changes: `placeholders` says why."""
    for task in component.get("dag", {}).get("tasks", {}).values():
        for source in task.get("inputs", {}).get("parameters", {}).values():
            runtime_value = source.get("runtimeValue", {})
            if runtime_value.get("constant") in _JOB_PLACEHOLDERS:
                runtime_value["constant"] = values[runtime_value["constant"]]


def _resolved(text: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _fetch(importer: dict[str, Any], bucket: BucketFiles) -> None:
    uri = importer.get("artifactUri", {})
    if str(uri.get("constant", "")).startswith("gs://"):
        uri["constant"] = bucket.fetch(uri["constant"])
