"""The test service's schedules: as Vertex AI has them, but due when a test says so."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from cloud_storage import Bucket
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud.aiplatform_v1.types import Schedule
from google.protobuf.field_mask_pb2 import FieldMask
from google_service import GoogleService
from google_service.cron import Cron
from project_factory import KedroProject
from submitting import TWO_NODES, new_job

from kedro_vertexai.targets.vertex.client import GoogleClients


@pytest.fixture
def request_body(
    new_project: Any, service: GoogleService, bucket: Bucket, clients: GoogleClients
) -> dict[str, Any]:
    service.settings.execute = False
    project: KedroProject = new_project(nodes=TWO_NODES, parameters={"start": 21})
    return {"parent": clients.location.parent, "pipeline_job": new_job(project, bucket)}


def make(clients: GoogleClients, body: dict[str, Any], **fields: Any) -> Schedule:
    schedule = Schedule(
        **{
            "display_name": "nightly",
            "cron": "TZ=Europe/Berlin 0 3 * * *",
            "max_concurrent_run_count": 1,
            "create_pipeline_job_request": body,
            **fields,
        }
    )
    return clients.schedules.create_schedule(parent=clients.location.parent, schedule=schedule)


def test_a_schedule_that_is_due_makes_a_job(
    service: GoogleService, clients: GoogleClients, request_body: dict[str, Any]
) -> None:
    made = make(clients, request_body, max_run_count=2)
    jobs = [service.schedules.fire("nightly"), service.schedules.fire(made.name)]
    assert [job.message().schedule_name for job in jobs] == [made.name, made.name]
    now = clients.schedules.get_schedule(name=made.name)
    assert (now.state.name, now.started_run_count) == ("COMPLETED", 2)


def test_an_update_changes_what_its_mask_names_and_keeps_the_pause(
    clients: GoogleClients, request_body: dict[str, Any]
) -> None:
    made = make(clients, request_body)
    clients.schedules.pause_schedule(name=made.name)
    changed = Schedule(name=made.name, cron="0 4 * * *", display_name="ignored")
    now = clients.schedules.update_schedule(schedule=changed, update_mask=FieldMask(paths=["cron"]))
    assert (now.cron, now.display_name, now.state.name) == ("0 4 * * *", "nightly", "PAUSED")
    clients.schedules.resume_schedule(name=made.name, catch_up=True)
    assert clients.schedules.get_schedule(name=made.name).state.name == "ACTIVE"


def test_nothing_can_be_unset(clients: GoogleClients, request_body: dict[str, Any]) -> None:
    made = make(clients, request_body)
    with pytest.raises(BadRequest, match="cannot be unset"):
        clients.schedules.update_schedule(
            schedule=Schedule(name=made.name), update_mask=FieldMask(paths=["display_name"])
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "0 25 * * *"},
        {"cron": "TZ=Europe/Atlantis 0 3 * * *"},
        {"display_name": ""},
        {"max_concurrent_run_count": 0},
        {"end_time": datetime(2020, 1, 1, tzinfo=timezone.utc)},
    ],
    ids=str,
)
def test_what_vertex_ai_refuses_is_refused(
    service: GoogleService,
    clients: GoogleClients,
    request_body: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    start = {"start_time": datetime(2021, 1, 1, tzinfo=timezone.utc)} if "end_time" in wrong else {}
    with pytest.raises(BadRequest):
        make(clients, request_body, **start, **wrong)
    assert service.schedules.all() == []


def test_a_list_is_filtered_and_paged(clients: GoogleClients, request_body: dict[str, Any]) -> None:
    for number in range(3):
        make(clients, request_body, display_name=f"nightly_{number}")
    make(clients, request_body, display_name="weekly")
    found = clients.schedules.list_schedules(
        request={
            "parent": clients.location.parent,
            "filter": 'display_name:"nightly*" AND state="ACTIVE"',
            "page_size": 2,
        }
    )
    assert [schedule.display_name for schedule in found] == ["nightly_2", "nightly_1", "nightly_0"]


def test_a_deleted_schedule_is_gone(clients: GoogleClients, request_body: dict[str, Any]) -> None:
    made = make(clients, request_body)
    clients.schedules.delete_schedule(name=made.name).result(timeout=30)
    with pytest.raises(NotFound):
        clients.schedules.get_schedule(name=made.name)


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("*/15 * * * *", "2026-03-01T10:15:00"),
        ("TZ=Europe/Berlin 0 3 * * *", "2026-03-02T02:00:00"),
        ("0 0 1 JAN *", "2027-01-01T00:00:00"),
        ("0 9 * * MON-FRI", "2026-03-02T09:00:00"),
        ("0 0 13 * 5", "2026-03-06T00:00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
    ],
)
def test_when_it_is_due_next(cron: str, due: str) -> None:
    sunday = datetime(2026, 3, 1, 10, 5, tzinfo=timezone.utc)
    found = Cron.parse(cron).next(sunday)
    assert found is not None
    assert found.replace(tzinfo=None).isoformat() == due
