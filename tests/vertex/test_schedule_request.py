"""What `vertexai.yml` says of a schedule is in the request, in the field that the page names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google_service import GoogleService
from project_factory import KedroProject

from kedro_vertexai.config import ScheduleConfig

PAGE = Path(__file__).parents[2] / "docs" / "schedules.md"
_ROW = re.compile(r"^\| `(run_config[^`]*)` \| `([^`]+)` \|$", re.MULTILINE)
FIELDS = dict(_ROW.findall(PAGE.read_text(encoding="utf-8")))
_ONE = "run_config.schedules.<pipeline>."

# By key: what is written, and what the field then holds.
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "cron_expression": ("5 4 * * *", "TZ=Etc/UTC 5 4 * * *"),
    "timezone": ("Asia/Tokyo", "TZ=Asia/Tokyo 0 * * * *"),
    "start_time": ("2098-01-31T12:00:00Z", "2098-01-31T12:00:00Z"),
    "end_time": ("2099-01-31T12:00:00Z", "2099-01-31T12:00:00Z"),
    "allow_queueing": (True, True),
    "max_run_count": (7, "7"),
    "max_concurrent_run_count": (3, "3"),
    "max_concurrent_active_run_count": (2, "2"),
}


def sent(
    new_project: Callable[..., KedroProject], service: GoogleService, **run_config: Any
) -> dict[str, Any]:
    """The request with which the schedule is made."""
    done = new_project(run_config=run_config).invoke("schedule", "--no-check")
    assert done.exit_code == 0, done.output
    body: dict[str, Any] = service.asked("POST", "schedules$")[-1].body
    return body


def test_the_page_names_every_key() -> None:
    assert set(EXAMPLES) == set(ScheduleConfig.model_fields)
    assert set(FIELDS) == {*(f"{_ONE}{key}" for key in EXAMPLES), "run_config.scheduled_run_name"}


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_key_is_in_the_field_that_the_page_names(
    new_project: Callable[..., KedroProject], service: GoogleService, key: str
) -> None:
    written, expected = EXAMPLES[key]
    field = FIELDS[f"{_ONE}{key}"]
    assert sent(new_project, service).get(field) != expected
    said = {"schedules": {"__default__": {key: written}}}
    assert sent(new_project, service, **said)[field] == expected


def test_a_name_is_in_the_field_that_the_page_names(
    new_project: Callable[..., KedroProject], service: GoogleService
) -> None:
    body = sent(new_project, service, scheduled_run_name="nightly")
    assert body[FIELDS["run_config.scheduled_run_name"]] == "nightly"
