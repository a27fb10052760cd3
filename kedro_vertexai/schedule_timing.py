"""When a pipeline is to run: `run_config.schedules` and the options that win over it, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from zoneinfo import available_timezones

from kedro_vertexai.config import ScheduleConfig
from kedro_vertexai.cron import check_cron
from kedro_vertexai.errors import ConfigError, did_you_mean
from kedro_vertexai.targets.vertex.schedule_request import Timing

_DEFAULT = "default_schedule"
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.schedules (cron)
_ZONED = re.compile(r"(?:CRON_)?TZ=(?P<zone>\S+)\s+(?P<cron>.*)")
# https://datatracker.ietf.org/doc/html/rfc3339#section-5.6
_RFC_3339 = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d:\d\d)(?P<part>\.\d+)?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True)
class TimingOptions:
    """What the command line says; None leaves it to the configuration."""

    cron_expression: str | None = None
    timezone: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    allow_queueing: bool | None = None
    max_run_count: int | None = None
    max_concurrent_run_count: int | None = None
    max_concurrent_active_run_count: int | None = None


def timing_of(
    schedules: Mapping[str, ScheduleConfig],
    pipeline: str,
    options: TimingOptions,
    now: datetime | None = None,
) -> Timing:
    """The timing of a pipeline's schedule.

    Args:
        schedules: `run_config.schedules`, by pipeline.
        pipeline: the registered pipeline.
        options: win over the configuration.
        now: the time, for tests.

    Raises:
        ConfigError: says which option or key cannot be so.
    """
    key = pipeline if pipeline in schedules else _DEFAULT
    settings = _Settings(
        f"run_config.schedules.{key}", schedules.get(key, ScheduleConfig()), options
    )
    start, end = settings.moment("start_time"), settings.moment("end_time")
    now = now or datetime.now(timezone.utc)
    if end and end <= max(start or now, now):
        before = f"start_time, {start.isoformat()}" if start and start > now else "now"
        raise settings.error("end_time", f"{end.isoformat()} is not after {before}")
    merged = settings.merged
    return Timing(
        cron=settings.cron(),
        start=start,
        end=end,
        allow_queueing=merged.allow_queueing,
        max_run_count=merged.max_run_count,
        max_concurrent_run_count=merged.max_concurrent_run_count,
        max_concurrent_active_run_count=merged.max_concurrent_active_run_count,
    )


@dataclass(frozen=True)
class _Settings:
    place: str
    config: ScheduleConfig
    options: TimingOptions

    @property
    def merged(self) -> ScheduleConfig:
        given = {
            field.name: getattr(self.options, field.name)
            for field in fields(self.options)
            if getattr(self.options, field.name) is not None
        }
        return self.config.model_copy(update=given)

    def error(self, key: str, problem: str) -> ConfigError:
        """A mistake, at the option or the key that makes it."""
        given = getattr(self.options, key) is not None
        place = f"--{key.replace('_', '-')}" if given else f"{self.place}.{key}"
        return ConfigError(f"{place}: {problem}")

    def cron(self) -> str:
        """The expression behind its time zone, which may stand in the expression itself."""
        text, zone = self.merged.cron_expression.strip(), self.merged.timezone
        if match := _ZONED.fullmatch(text):
            text, inner = match["cron"], match["zone"]
            if self.options.timezone not in (None, inner):
                raise self.error("timezone", f"the cron expression names another one, {inner}")
            self._check_zone(inner, "cron_expression")
            zone = inner
        else:
            self._check_zone(zone, "timezone")
        try:
            check_cron(text)
        except ValueError as error:
            raise self.error("cron_expression", f"{error} (in '{text}')") from error
        return f"TZ={zone} {' '.join(text.split())}"

    def _check_zone(self, zone: str, key: str) -> None:
        # Small systems have no database of time zones; the service has.
        known = available_timezones()
        if known and zone not in known:
            hint = did_you_mean(zone, known) or " (as Europe/Berlin)"
            raise self.error(key, f"no time zone is called '{zone}'{hint}")

    def moment(self, key: str) -> datetime | None:
        text = getattr(self.merged, key)
        if text is None:
            return None
        match = _RFC_3339.fullmatch(str(text).strip())
        if match is None:
            raise self.error(
                key, f"expected a time with its zone, as 2026-01-31T12:00:00Z, got '{text}'"
            )
        zone = match["zone"].upper().replace("Z", "+00:00")
        try:
            moment = datetime.fromisoformat(f"{match['date']}T{match['time']}{zone}")
        except ValueError as error:
            raise self.error(key, f"there is no such time as {text}: {error}") from error
        # Python 3.10 reads fractions of three or six digits alone.
        return _with_fraction(moment, match["part"])


def _with_fraction(moment: datetime, part: str | None) -> datetime:
    """The moment with a decimal fraction of its second, such as `.25`."""
    return moment.replace(microsecond=int(f"{(part or '.')[1:7]:0<6}"))
