"""Placeholders of the KFP spec: `{{$}}` and its relatives, in arguments and constants.

A value is put in once and never searched again, so that a user's text that looks like a
placeholder stays what it is. Text that is no known placeholder stays too.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\$(?P<path>(?:\.(?:[^}]|\}(?!\}))*)?)\}\}")
_VALUE = re.compile(
    r"\.(?P<side>inputs|outputs)\.(?P<kind>parameters|artifacts)"
    r"\[(?P<quote>['\"])(?P<key>.*)(?P=quote)\](?:\.(?P<field>\w+))?"
)


@dataclass(frozen=True)
class JobIdentity:
    """The names by which a job is known."""

    name: str
    uuid: str

    @property
    def resource_name(self) -> str:
        """The name in the form Vertex AI gives it, since tasks may take it apart."""
        return f"projects/local/locations/local/pipelineJobs/{self.name}"

    def placeholders(self) -> dict[str, str]:
        """Return what each job placeholder stands for."""
        return {
            "{{$.pipeline_job_name}}": self.name,
            "{{$.pipeline_job_uuid}}": self.uuid,
            "{{$.pipeline_job_resource_name}}": self.resource_name,
        }


def resolve_constant(value: Any, identity: JobIdentity) -> Any:
    """Return a constant of the spec; only a string that is one job placeholder changes.

    No engine does less, some do more (Kubeflow: whole constants only,
    https://github.com/kubeflow/pipelines/issues/11599).
    """
    return identity.placeholders().get(value, value) if isinstance(value, str) else value


def resolve_argv(
    argv: Iterable[str], executor_input: Mapping[str, Any], identity: JobIdentity
) -> list[str]:
    """Return the arguments with every placeholder replaced by its value."""
    jobs = identity.placeholders()

    def replace(match: re.Match[str]) -> str:
        text = match.group()
        if text in jobs:
            return jobs[text]
        value = _value(match["path"], executor_input)
        return text if value is None else value

    return [_PLACEHOLDER.sub(replace, argument) for argument in argv]


def _value(path: str, executor_input: Mapping[str, Any]) -> str | None:
    if path == "":
        return json.dumps(executor_input, ensure_ascii=False)
    if path == ".json_escape[1]":
        return json.dumps(json.dumps(executor_input, ensure_ascii=False))[1:-1]
    if path == ".outputs.output_file":
        return str(executor_input["outputs"]["outputFile"])
    match = _VALUE.fullmatch(path)
    if match is None:
        return None
    if match["kind"] == "artifacts":
        return _artifact(executor_input[match["side"]], match["key"], match["field"])
    return _parameter(executor_input, match["side"], match["key"], match["field"])


def _parameter(
    executor_input: Mapping[str, Any], side: str, key: str, field: str | None
) -> str | None:
    if side == "inputs" and field is None:
        values = executor_input["inputs"]["parameterValues"]
        if key not in values:
            return None
        return values[key] if isinstance(values[key], str) else json.dumps(values[key])
    if side == "outputs" and field == "output_file":
        output = executor_input["outputs"]["parameters"].get(key, {})
        return str(output["outputFile"]) if output else None
    return None


def _artifact(side: Mapping[str, Any], key: str, field: str | None) -> str | None:
    artifacts = side["artifacts"].get(key, {}).get("artifacts", [])
    if not artifacts or field not in ("uri", "path", "name"):
        return None
    # URIs of the local target are paths.
    return str(artifacts[0]["name" if field == "name" else "uri"])
