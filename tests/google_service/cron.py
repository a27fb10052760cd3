"""When a cron expression is due, as Vertex AI's schedules have it: `[TZ=ZONE ]M H D M W`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google_service.errors import invalid

_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_ZONE = re.compile(r"(?:CRON_)?TZ=(\S+)\s+(.*)")
_RANGE = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
# 29 February comes again after eight years at the latest.
_FARTHEST = 8 * 366


@dataclass(frozen=True)
class Cron:
    """A parsed expression."""

    zone: tzinfo
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Day of month and of week are both restricted: one that matches is enough."""

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read an expression.

        Raises:
            GoogleError: it is none.
        """
        zone: tzinfo = timezone.utc
        if match := _ZONE.fullmatch(text.strip()):
            zone, text = _zone(match[1]), match[2]
        fields = text.split()
        if len(fields) != len(_LIMITS):
            raise _invalid(text)
        numbers = [
            _numbers(field.upper(), limits) for field, limits in zip(fields, _LIMITS, strict=True)
        ]
        weekdays = frozenset(day % 7 for day in numbers[4])
        either = not fields[2].startswith("*") and not fields[4].startswith("*")
        return cls(zone, *numbers[:4], weekdays, either)

    def next(self, after: datetime) -> datetime | None:
        """The first time after a moment; None if it is never due."""
        local = after.astimezone(self.zone)
        for number in range(_FARTHEST):
            day = local.date() + timedelta(days=number)
            if not self._is_day(day.month, day.day, day.isoweekday() % 7):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    if due > local:
                        return due.astimezone(timezone.utc)
        return None

    def _is_day(self, month: int, day: int, weekday: int) -> bool:
        of_month, of_week = day in self.days, weekday in self.weekdays
        matches = (of_month or of_week) if self.either_day else (of_month and of_week)
        return month in self.months and matches


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"Invalid time zone '{name}' in cron.", "schedule.cron") from None


def _numbers(field: str, limits: tuple[int, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise _invalid(field)
        star, first, last, step = match.groups()
        start = limits[0] if star else _number(first, limits)
        end = limits[1] if star or (step and not last) else _number(last or first, limits)
        if start > end or step == "0":
            raise _invalid(field)
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, limits: tuple[int, int]) -> int:
    names = {**{name: index + 1 for index, name in enumerate(_MONTHS)}} if limits[1] == 12 else {}
    if limits[1] == 7:
        names = {name: index for index, name in enumerate(_DAYS)}
    number = names.get(text, int(text) if text.isdigit() else -1)
    if not limits[0] <= number <= limits[1]:
        raise _invalid(text)
    return number


def _invalid(text: str) -> Exception:
    return invalid(f"Invalid cron expression: '{text}'.", "schedule.cron")
