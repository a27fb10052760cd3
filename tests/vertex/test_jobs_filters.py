"""Which jobs `list-pipelines` asks for, in the words of the API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.jobs import Wanted
from kedro_vertexai.targets.vertex.client import Location
from kedro_vertexai.targets.vertex.console import job_page, jobs_page
from kedro_vertexai.targets.vertex.jobs import JobFilter

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
MINE = 'labels.kedro_project="shop"'


@pytest.mark.parametrize(
    ("wanted", "expression"),
    [
        (Wanted(), MINE),
        (Wanted(everything=True), ""),
        (Wanted(states=["FAILED"]), f'{MINE} AND state="PIPELINE_STATE_FAILED"'),
        (
            Wanted(states=["QUEUED", "RUNNING"], everything=True),
            '(state="PIPELINE_STATE_QUEUED" OR state="PIPELINE_STATE_RUNNING")',
        ),
        (Wanted(labels=["team=a-b"]), f'{MINE} AND labels.team="a-b"'),
        (Wanted(labels=["team"]), f"{MINE} AND labels.team:*"),
        (Wanted(labels=["kedro_project=other"]), 'labels.kedro_project="other"'),
        (Wanted(age="7d", everything=True), 'create_time>="2026-02-22T10:00:00Z"'),
        (Wanted(age="90m", everything=True), 'create_time>="2026-03-01T08:30:00Z"'),
    ],
)
def test_filters_are_the_services_own(wanted: Wanted, expression: str) -> None:
    assert wanted.filter("shop", NOW).expression() == expression


@pytest.mark.parametrize("age", ["7", "d", "7 d", "-7d", "7y", "99999999999w"])
def test_an_age_of_another_form_is_refused(age: str) -> None:
    with pytest.raises(ConfigError, match="--age"):
        Wanted(age=age).filter("shop", NOW)


@pytest.mark.parametrize("label", ["=x", "", "Team=x", "team=X", 'team=x" OR state="', "a.b=x"])
def test_a_label_that_no_job_can_have_is_refused(label: str) -> None:
    with pytest.raises(ConfigError, match="label"):
        Wanted(labels=[label]).filter("shop", NOW).expression()


def test_a_beginning_is_asked_for_as_one() -> None:
    assert JobFilter(id_prefix="shop-2").expression() == 'pipeline_job_user_id:"shop-2*"'


def test_pages_of_the_console() -> None:
    location = Location("my-project", "europe-west1")
    assert job_page(location, "shop-1") == (
        "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs/shop-1"
        "?project=my-project"
    )
    assert jobs_page(location) == (
        "https://console.cloud.google.com/vertex-ai/pipelines/runs?project=my-project"
    )
    assert job_page(location, "a b&c").endswith("/runs/a%20b%26c?project=my-project")
