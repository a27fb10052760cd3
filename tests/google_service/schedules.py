"""Vertex AI's schedules of pipeline jobs.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.schedules
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from google.cloud.aiplatform_v1.types import ListSchedulesResponse
from google.cloud.aiplatform_v1.types import Schedule as ScheduleType
from google.protobuf.field_mask_pb2 import FieldMask

from google_service import listing
from google_service.cron import Cron
from google_service.errors import GoogleError, failed_precondition, invalid, not_found
from google_service.job import Job
from google_service.job_request import check_job
from google_service.messages import field_mask, now, parse, render, timestamp
from google_service.operations import Operations
from google_service.pipeline_jobs import PipelineJobs
from google_service.place import Place, new_number
from google_service.web import Request, Route

_FILTERS = (
    "display_name",
    "state",
    "create_pipeline_job_request",
    "create_notebook_execution_job_request",
    "create_time",
    "start_time",
    "end_time",
    "next_run_time",
)
_ORDERS = ("create_time", "start_time", "end_time", "next_run_time")
_OUTPUT_ONLY = (
    "name",
    "state",
    "create_time",
    "update_time",
    "next_run_time",
    "last_pause_time",
    "last_resume_time",
    "started_run_count",
    "catch_up",
    "last_scheduled_run_response",
)
_STATES = ScheduleType.State


class Schedules:
    """All schedules of the service; none fires by itself."""

    def __init__(self, place: Place, operations: Operations, jobs: PipelineJobs) -> None:
        self._place = place
        self._operations = operations
        self._jobs = jobs
        self._schedules: dict[str, Any] = {}
        self._lock = threading.RLock()
        self.update_resumes = False
        """Whether an update starts a paused schedule: nobody promises that it does not."""

    def routes(self) -> list[Route]:
        base = "/v1/projects/{project}/locations/{location}/schedules"
        one = f"{base}/{{schedule}}"
        return [
            Route("POST", base, self._create),
            Route("GET", base, self._list),
            Route("GET", one, self._get),
            Route("PATCH", one, self._update),
            Route("DELETE", one, self._delete),
            Route("POST", f"{one}:pause", self._pause),
            Route("POST", f"{one}:resume", self._resume),
        ]

    def all(self) -> list[Any]:
        """Copies of the `Schedule` messages, the oldest first."""
        with self._lock:
            return [_copy(schedule) for schedule in self._schedules.values()]

    def fire(self, name: str = "") -> Job:
        """Start a run of a schedule now, as if it were due.

        Args:
            name: the schedule's name, its last part, or display name; the only one without.

        Raises:
            GoogleError: it is not active.
        """
        with self._lock:
            schedule = self._of_test(name)
            if schedule.state != _STATES.ACTIVE:
                state = _STATES(schedule.state).name
                raise failed_precondition(f"The Schedule {schedule.name} is {state}.")
            due = now()
            schedule.started_run_count += 1
            request = _copy(schedule.create_pipeline_job_request)
            moment = f"{datetime.now(timezone.utc):%Y%m%d%H%M%S}"
            pipeline = request.pipeline_job.pipeline_spec["pipelineInfo"]["name"]
            job_id = f"{pipeline[:90]}-{moment}-{schedule.started_run_count}"
            request.pipeline_job.schedule_name = schedule.name
            response = schedule.last_scheduled_run_response
            response.scheduled_run_time.CopyFrom(due)
            response.run_response = "OK"
            self._plan_next(schedule)
            if schedule.max_run_count and schedule.started_run_count >= schedule.max_run_count:
                schedule.state = _STATES.COMPLETED
        return self._jobs.add(request.pipeline_job, job_id)

    def _of_test(self, name: str) -> Any:
        found = [
            schedule
            for number, schedule in self._schedules.items()
            if name in ("", number, schedule.name, schedule.display_name)
        ]
        if len(found) != 1:
            raise LookupError(f"{len(found)} schedules are called '{name}'")
        return found[0]

    # The API

    def _create(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "schedules.create")
        schedule = ScheduleType.pb(ScheduleType())
        parse(request.body, schedule, "schedule")
        for field in _OUTPUT_ONLY:
            schedule.ClearField(field)
        _check(schedule)
        number = new_number()
        schedule.name = f"{self._place.parent}/schedules/{number}"
        schedule.state = _STATES.ACTIVE
        with self._lock:
            for field in ("create_time", "update_time"):
                getattr(schedule, field).CopyFrom(now())
            if not schedule.HasField("start_time"):
                schedule.start_time.CopyFrom(schedule.create_time)
            self._plan_next(schedule)
            self._schedules[number] = schedule
            return render(schedule, request)

    def _get(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            return render(self._named(names, "schedules.get"), request)

    def _list(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "schedules.list")
        found = listing.selected(
            self.all(), request.query.get("filter", ""), _FILTERS, _known_to_filters
        )
        order = request.query.get("orderBy") or "create_time desc"
        page, token = listing.page(
            listing.ordered(found, order, _ORDERS),
            request.query.get("pageSize", ""),
            request.query.get("pageToken", ""),
        )
        response = ListSchedulesResponse.pb(ListSchedulesResponse())
        response.schedules.extend(page)
        response.next_page_token = token
        return render(response, request)

    def _update(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        given = ScheduleType.pb(ScheduleType())
        parse(request.body, given, "schedule")
        mask = field_mask(given, request.query.get("updateMask", ""))
        if not mask.paths:
            raise invalid("update_mask is required.", "update_mask")
        with self._lock:
            schedule = self._named(names, "schedules.update")
            if schedule.state == _STATES.COMPLETED:
                raise failed_precondition(f"The Schedule {schedule.name} is COMPLETED.")
            changed = _copy(schedule)
            _merge(given, changed, mask)
            _check(changed)
            if self.update_resumes:
                changed.state = _STATES.ACTIVE
            changed.update_time.CopyFrom(now())
            self._plan_next(changed)
            schedule.CopyFrom(changed)
            return render(schedule, request)

    def _delete(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            self._named(names, "schedules.delete")
            del self._schedules[names["schedule"]]
        return self._operations.start("DeleteOperationMetadata")

    def _pause(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            schedule = self._named(names, "schedules.update")
            self._must_be(schedule, _STATES.ACTIVE)
            schedule.state = _STATES.PAUSED
            schedule.last_pause_time.CopyFrom(now())
            schedule.update_time.CopyFrom(now())
        return {}

    def _resume(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        with self._lock:
            schedule = self._named(names, "schedules.update")
            self._must_be(schedule, _STATES.PAUSED)
            schedule.state = _STATES.ACTIVE
            schedule.catch_up = bool(request.body.get("catchUp", False))
            schedule.last_resume_time.CopyFrom(now())
            schedule.update_time.CopyFrom(now())
            self._plan_next(schedule)
        return {}

    # Inside

    def _named(self, names: Mapping[str, str], permission: str) -> Any:
        self._place.check(names, permission)
        schedule = self._schedules.get(names["schedule"])
        if schedule is None:
            raise not_found(
                f"The Schedule does not exist: {self._place.parent}/schedules/{names['schedule']}."
            )
        return schedule

    @staticmethod
    def _must_be(schedule: Any, state: int) -> None:
        if schedule.state != state:
            raise failed_precondition(
                f"The Schedule {schedule.name} must be {_STATES(state).name}, not "
                f"{_STATES(schedule.state).name}."
            )

    @staticmethod
    def _plan_next(schedule: Any) -> None:
        start = schedule.start_time.ToDatetime(tzinfo=timezone.utc)
        due = Cron.parse(schedule.cron).next(max(start, datetime.now(timezone.utc)))
        is_over = (
            schedule.HasField("end_time")
            and due is not None
            and (due > schedule.end_time.ToDatetime(tzinfo=timezone.utc))
        )
        if due is None or is_over:
            schedule.ClearField("next_run_time")
        else:
            schedule.next_run_time.CopyFrom(timestamp(due))


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _merge(given: Any, schedule: Any, mask: FieldMask) -> None:
    """Take over what the mask names; output-only fields are left out, nothing can be unset."""
    paths = [path for path in mask.paths if path.partition(".")[0] not in _OUTPUT_ONLY]
    for path in paths:
        was, becomes = listing.value_of(schedule, path), listing.value_of(given, path)
        if was and not becomes and not isinstance(was, bool):
            raise invalid(f"The field {path} cannot be unset.", f"schedule.{path}")
    FieldMask(paths=paths).MergeMessage(
        given, schedule, replace_message_field=True, replace_repeated_field=True
    )


def _check(schedule: Any) -> None:
    """Refuse a schedule that Vertex AI would refuse.

    Raises:
        GoogleError: it would.
    """
    if not schedule.display_name or len(schedule.display_name) > 128:
        raise invalid("display_name must have 1 to 128 characters.", "schedule.display_name")
    if schedule.max_concurrent_run_count < 1:
        raise invalid(
            "max_concurrent_run_count must be at least 1.", "schedule.max_concurrent_run_count"
        )
    if not schedule.cron:
        raise invalid("cron is required.", "schedule.cron")
    Cron.parse(schedule.cron)
    if schedule.HasField("end_time") and (
        schedule.end_time.ToDatetime() <= schedule.start_time.ToDatetime()
    ):
        raise invalid("end_time must be after start_time.", "schedule.end_time")
    request = schedule.create_pipeline_job_request
    if not request.parent:
        raise invalid(
            "create_pipeline_job_request.parent is required.",
            "schedule.create_pipeline_job_request.parent",
        )
    if request.pipeline_job_id:
        raise GoogleError(400, "pipeline_job_id must not be set: each run has an id of its own.")
    check_job(request.pipeline_job)


def _known_to_filters(schedule: Any) -> dict[str, Any]:
    return {
        name: schedule.HasField(name) or None
        for name in ("create_pipeline_job_request", "create_notebook_execution_job_request")
    }
