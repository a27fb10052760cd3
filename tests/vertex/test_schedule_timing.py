"""When a pipeline is to run: what configuration and options say, and what is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from kedro_vertexai.config import ScheduleConfig
from kedro_vertexai.cron import check_cron
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.schedule_timing import TimingOptions, timing_of
from kedro_vertexai.targets.vertex.schedule_request import Timing

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def timing(schedules: dict[str, dict[str, Any]] | None = None, **options: Any) -> Timing:
    read = {name: ScheduleConfig(**keys) for name, keys in (schedules or {}).items()}
    return timing_of(read, "train", TimingOptions(**options), NOW)


class TestWhereItComesFrom:
    def test_without_anything_every_hour_in_utc(self) -> None:
        assert timing() == Timing("TZ=Etc/UTC 0 * * * *")

    def test_the_pipelines_own_entry_comes_before_the_default(self) -> None:
        schedules = {
            "default_schedule": {"cron_expression": "1 1 * * *"},
            "train": {"cron_expression": "2 2 * * *"},
        }
        assert timing(schedules).cron == "TZ=Etc/UTC 2 2 * * *"
        del schedules["train"]
        assert timing(schedules).cron == "TZ=Etc/UTC 1 1 * * *"

    def test_options_win_one_by_one(self) -> None:
        schedules = {"train": {"cron_expression": "2 2 * * *", "max_run_count": 3}}
        made = timing(schedules, timezone="Europe/Berlin", allow_queueing=True)
        assert made == Timing("TZ=Europe/Berlin 2 2 * * *", allow_queueing=True, max_run_count=3)

    def test_an_option_can_switch_off(self) -> None:
        assert not timing({"train": {"allow_queueing": True}}, allow_queueing=False).allow_queueing

    @pytest.mark.parametrize("word", ["TZ", "CRON_TZ"])
    def test_an_expression_may_bring_its_time_zone(self, word: str) -> None:
        made = timing(cron_expression=f"{word}=Asia/Tokyo 0 3 * * *")
        assert made.cron == "TZ=Asia/Tokyo 0 3 * * *"

    def test_times_keep_their_zone_and_fraction(self) -> None:
        made = timing(start_time="2026-02-01T12:00:00.25+01:00", end_time="2026-03-01T00:00:00Z")
        assert made.start == datetime(2026, 2, 1, 11, 0, 0, 250000, tzinfo=timezone.utc)
        assert made.end == datetime(2026, 3, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timezone": "Europe/Berln"}, r"--timezone: no .*'Europe/Berln', did you mean 'Europe/B"),
        ({"timezone": "../etc/passwd"}, r"--timezone: no time zone"),
        ({"cron_expression": "TZ=Mars/Base 0 3 * * *"}, r"--cron-expression: no time zone"),
        (
            {"cron_expression": "TZ=Asia/Tokyo 0 3 * * *", "timezone": "Etc/UTC"},
            r"--timezone: the cron expression names another one, Asia/Tokyo",
        ),
        ({"cron_expression": "61 * * * *"}, r"--cron-expression: '61' is no minute: 0 to 59"),
        ({"start_time": "2026-02-01"}, r"--start-time: expected a time with its zone"),
        ({"start_time": "2026-02-01T12:00:00"}, r"--start-time: expected a time with its zone"),
        ({"start_time": "2026-02-30T12:00:00Z"}, r"--start-time: there is no such time"),
        ({"end_time": "2025-12-31T00:00:00Z"}, r"--end-time: .* is not after now"),
        (
            {"start_time": "2026-03-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"},
            r"--end-time: .* is not after start_time, 2026-03-01",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        timing(**options)


def test_a_mistake_in_the_file_is_named_by_its_key() -> None:
    with pytest.raises(ConfigError, match=r"^run_config\.schedules\.train\.timezone: no time zone"):
        timing({"train": {"timezone": "Nowhere"}})


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *", "0 3 * * *", "*/15 * * * *", "0 9-17 * * mon-fri", "0 0 1,15 * *",
        "0 0 29 2 *", "0 0 * JAN,Jul 7", "5/10 0-6/2 * * *", "0 0 31 2 1", "  0   0 * * * ",
    ],
)  # fmt: skip
def test_cron_expressions_that_are_taken(expression: str) -> None:
    check_cron(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "five fields"),
        ("0 3 * *", "five fields .* got 4"),
        ("0 3 * * * *", "five fields .* got 6"),
        ("@daily", "five fields"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 3 0 * *", "'0' is no day of the month"),
        ("0 3 * 13 *", "'13' is no month"),
        ("0 3 * * 8", "'8' is no day of the week"),
        ("0 3 * foo *", "'foo' is no month"),
        ("*/0 * * * *", "step of 0"),
        ("5-1 * * * *", "ends before it begins"),
        ("1,, * * * *", "'' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("*-5 * * * *", r"'\*-5' is no minute"),
        ("0 0 30 2 *", "no month that it names has such a day"),
        ("0 0 31 4,6 *", "no month that it names has such a day"),
    ],
)
def test_cron_expressions_that_are_refused(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_cron(expression)
