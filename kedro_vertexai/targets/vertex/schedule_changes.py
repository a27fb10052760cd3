"""What is different between a schedule as it is and as it is wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.targets.vertex.names import COMMIT_LABEL
from kedro_vertexai.task_inputs import TRACKING

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Schedule

_JOB = "create_pipeline_job_request"
_LONGEST_SHOWN = 60
# Who runs a job that names no service account; the service may say so by itself:
# https://cloud.google.com/vertex-ai/docs/pipelines/configure-project#service-account
_DEFAULT_ACCOUNT = re.compile(r"\d+-compute@developer\.gserviceaccount\.com")
# Numbers that can be changed and not taken back.
_LASTING = {
    "max_run_count": "at most {} runs",
    "max_concurrent_active_run_count": "at most {} runs at once",
}
# Fields of a job, in its JSON form, by what a user calls them.
_JOB_FIELDS = {
    "displayName": "name of the jobs",
    "serviceAccount": "service account",
    "network": "network",
    "reservedIpRanges": "reserved IP ranges",
    "encryptionSpec": "encryption key",
    "pscInterfaceConfig": "network attachment",
    "templateUri": "template",
    "preflightValidations": "preflight validations",
}


@dataclass(frozen=True)
class Change:
    """One difference; `path` is the field of the schedule to update."""

    path: str
    what: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.what}: {self.old or 'none'} -> {self.new or 'none'}"


def changes(existing: Schedule, wanted: Schedule) -> list[Change]:
    """What to update, in the order in which a user reads it; empty if nothing.

    Args:
        existing: as the service tells.
        wanted: as it is to be.

    Raises:
        ConfigError: the wanted one lacks what Vertex AI cannot take back.
    """
    return [*_own(existing, wanted), *_times(existing, wanted), *_job(existing, wanted)]


def start_now_if_started(existing: Schedule, wanted: Schedule, now: datetime | None = None) -> None:
    """Have a schedule start now that was to start later, and shall no longer.

    The service cannot unset a time, and takes the present for one that is not given.
    """
    now = now or datetime.now(timezone.utc)
    if wanted.start_time is None and existing.start_time and existing.start_time > now:
        wanted.start_time = now.replace(microsecond=0)


def _own(existing: Schedule, wanted: Schedule) -> Iterator[Change]:
    for path, what in (
        ("display_name", "name"),
        ("cron", "cron"),
        ("allow_queueing", "queueing"),
        ("max_run_count", "most runs"),
        ("max_concurrent_run_count", "most runs started at once"),
        ("max_concurrent_active_run_count", "most runs at once"),
    ):
        old, new = getattr(existing, path), getattr(wanted, path)
        if path in _LASTING and old and not new:
            raise _cannot_unset(_LASTING[path].format(old), f"--{path.replace('_', '-')}")
        if old != new:
            # A number that is not set is 0.
            old, new = (
                _shown(value) if value or path == "allow_queueing" else "" for value in (old, new)
            )
            yield Change(path, what, old, new)


def _times(existing: Schedule, wanted: Schedule) -> Iterator[Change]:
    old, new = existing.end_time, wanted.end_time
    if old and not new:
        raise _cannot_unset(f"an end, {_moment(old)}", "--end-time")
    if _moment(old) != _moment(new):
        yield Change("end_time", "end", _moment(old), _moment(new))
    old, new = existing.start_time, wanted.start_time
    # Without one, the service takes the time at which the schedule was made.
    if new and _moment(old) != _moment(new):
        yield Change("start_time", "start", _moment(old), _moment(new))


def _cannot_unset(what: str, option: str) -> ConfigError:
    return ConfigError(
        f"the schedule has {what}, and Vertex AI cannot take that back: "
        f"give another with {option}, or begin anew after `kedro vertexai schedule --delete`"
    )


def _job(existing: Schedule, wanted: Schedule) -> Iterator[Change]:
    old, new = _as_data(existing), _as_data(wanted)
    was, becomes = _take_commit(old), _take_commit(new)
    if was != becomes:
        yield Change(_JOB, "commit", was, becomes)
    if _DEFAULT_ACCOUNT.fullmatch(old.get("serviceAccount", "")) and not new.get("serviceAccount"):
        del old["serviceAccount"]
    if old.get("pipelineSpec") != new.get("pipelineSpec"):
        yield Change(_JOB, "pipeline spec changed", spec_summary(old), spec_summary(new))
    yield from _mapping("label", old.get("labels"), new.get("labels"))
    yield from _runtime(old.get("runtimeConfig", {}), new.get("runtimeConfig", {}))
    for field, what in _JOB_FIELDS.items():
        if old.get(field) != new.get(field):
            yield Change(_JOB, what, _shown(old.get(field)), _shown(new.get(field)))


def _runtime(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    yield from _mapping("parameter", old.get("parameterValues"), new.get("parameterValues"))
    for field, what in (("gcsOutputDirectory", "root"), ("failurePolicy", "failure policy")):
        if old.get(field) != new.get(field):
            yield Change(_JOB, what, _shown(old.get(field)), _shown(new.get(field)))


def _take_commit(job: dict[str, Any]) -> str:
    """Take the commit out of a job and its spec, and tell it.

    Each job's label and its MLflow run bear it, so it is a change by itself, and no other one.
    """
    commit, dirty = str(job.get("labels", {}).pop(COMMIT_LABEL, "")), False
    spec = job.get("pipelineSpec") or {}
    for component in (spec.get("root") or {}, *(spec.get("components") or {}).values()):
        for task in ((component.get("dag") or {}).get("tasks") or {}).values():
            value = task.get("inputs", {}).get("parameters", {}).get(TRACKING, {})
            constant = value.get("runtimeValue", {})
            if not isinstance(constant.get("constant"), str):
                continue
            told = json.loads(constant["constant"])
            told.pop("commit", None)
            dirty = told.pop("dirty", "") == "true" or dirty
            constant["constant"] = told
    return f"{commit} and changes" if dirty else commit


def _mapping(
    what: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[Change]:
    old, new = old or {}, new or {}
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key) or (key in old) != (key in new):
            yield Change(_JOB, f"{what} {key}", _shown(old.get(key)), _shown(new.get(key)))


def _as_data(schedule: Schedule) -> dict[str, Any]:
    from google.protobuf import json_format

    job = type(schedule).pb(schedule).create_pipeline_job_request.pipeline_job
    data: dict[str, Any] = json_format.MessageToDict(job)
    return data


def images_of(spec: Mapping[str, Any]) -> list[str]:
    """The images that the tasks of a spec run in."""
    executors = (spec.get("deploymentSpec") or {}).get("executors") or {}
    found = ((executor.get("container") or {}).get("image") for executor in executors.values())
    return sorted({str(image) for image in found if image})


def spec_summary(job: Mapping[str, Any]) -> str:
    """A job's spec in a few words: how many tasks, and which image."""
    spec = job.get("pipelineSpec") or {}
    count = _count(spec.get("root"), spec.get("components") or {})
    images = images_of(spec)
    names = f"image {', '.join(images)}" if len(images) < 2 else f"images {', '.join(images)}"
    return f"{count} {'task' if count == 1 else 'tasks'}, {names}"


def _count(component: Mapping[str, Any] | None, components: Mapping[str, Any]) -> int:
    """Tasks that run a container or an importer, in a graph and in those below it."""
    tasks = (((component or {}).get("dag") or {}).get("tasks") or {}).values()
    found = (components.get(task["componentRef"]["name"], {}) for task in tasks)
    return sum(_count(one, components) if "dag" in one else 1 for one in found)


def _moment(value: datetime | None) -> str:
    # The service keeps nanoseconds and the configuration seldom more than seconds.
    return value.astimezone(timezone.utc).isoformat() if value else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
