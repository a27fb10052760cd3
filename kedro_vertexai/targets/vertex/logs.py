"""What the containers of a job have printed, as Cloud Logging keeps it.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients, endpoint
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.job_record import JobRecord, TaskRecord, task_record
from kedro_vertexai.targets.vertex.retry import PATIENCE_OF_A_READER, retried

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail

# A container of a task is a custom job, whose log names its number:
# https://cloud.google.com/vertex-ai/docs/training/monitor-logs
_CONTAINER = 'resource.type="ml_job"'
_OLDEST_FIRST, _NEWEST_FIRST = "timestamp asc", "timestamp desc"
_LARGEST_PAGE = 1000
# A filter may have 20,000 characters; one job takes about 50.
_JOBS_IN_A_FILTER = 200
# Seconds between two looks: a Google Cloud project may ask 60 times a minute in all.
# https://cloud.google.com/logging/quotas#api-limits
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
# Entries arrive out of order; what is later than this behind the newest one is not seen.
_LATENESS = timedelta(seconds=60)
# Looks after a task has ended, as its last lines arrive after that.
_LOOKS_AFTER_THE_END = 2


@dataclass(frozen=True)
class LogLine:
    """One entry. `container_job` is the number of the custom job that printed it."""

    container_job: str
    timestamp: str
    insert_id: str
    text: str

    @property
    def moment(self) -> datetime:
        """When it was printed; digits below a microsecond are left out."""
        whole, _, fraction = self.timestamp.removesuffix("Z").partition(".")
        parsed = datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}")
        return parsed.replace(tzinfo=timezone.utc)


def task_log(
    clients: GoogleClients, job: PipelineJob, task: PipelineTaskDetail, lines: int = 20
) -> list[str]:
    """The last lines of a task's last attempt; none if its container never started.

    Args:
        clients: of the job's project.
        job: the task's job, as the API gives it.
        task: one of its tasks, as the API gives it.
        lines: the most to return.

    Raises:
        RunError: Cloud Logging cannot be asked.
    """
    container_jobs = task_record(task).container_jobs[-1:]
    if not container_jobs:
        return []
    with google_errors(clients.location):
        newest = _entries(clients, container_jobs, job.create_time, _NEWEST_FIRST, lines)
        return [line.text for line in reversed(list(islice(newest, lines)))]


def read_lines(
    clients: GoogleClients, job: JobRecord, tasks: Sequence[TaskRecord]
) -> Iterator[LogLine]:
    """All that these tasks have printed so far, all attempts, the oldest first.

    Raises:
        RunError: while they are read, if Cloud Logging cannot be asked.
    """
    container_jobs = [number for task in tasks for number in task.container_jobs]
    with google_errors(clients.location):
        yield from _entries(clients, container_jobs, job.created, _OLDEST_FIRST)


@dataclass(frozen=True)
class Followed:
    """What to follow, as it is now.

    Args:
        tasks: whose lines are wanted; more may come.
        since: no line is older.
        has_ended: whether no more will be printed.
    """

    tasks: Sequence[TaskRecord]
    since: datetime | None
    has_ended: bool


def follow_lines(
    clients: GoogleClients,
    look: Callable[[], Followed],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """What tasks print, each line once, until they have ended.

    Args:
        clients: of the job's project.
        look: asks what to follow.
        pause: waits so many seconds.

    Raises:
        RunError: while lines are read, if Google cannot be asked.
    """
    seen = _Seen()
    seconds, quiet = _FIRST_PAUSE, 0
    while True:
        now = look()
        container_jobs = [number for task in now.tasks for number in task.container_jobs]
        since = seen.since or now.since
        with google_errors(clients.location):
            new = seen.new(_entries(clients, container_jobs, since, _OLDEST_FIRST))
            is_quiet = True
            for line in new:
                is_quiet = False
                yield line
        quiet = quiet + 1 if now.has_ended and is_quiet else 0
        if now.has_ended and (quiet >= _LOOKS_AFTER_THE_END or not container_jobs):
            return
        is_idle = is_quiet and not now.has_ended
        seconds = min(seconds * 1.5, _LONGEST_PAUSE) if is_idle else _FIRST_PAUSE
        pause(seconds)


class _Seen:
    """Tells new lines from those that were shown, by time and by the entry's own id."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self._shown: dict[tuple[str, str], datetime] = {}

    def new(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        newest = self.since + _LATENESS if self.since else None
        for line in lines:
            key = (line.timestamp, line.insert_id)
            if key in self._shown:
                continue
            self._shown[key] = line.moment
            newest = max(newest, line.moment) if newest else line.moment
            yield line
        if newest:
            self._forget(newest - _LATENESS)

    def _forget(self, since: datetime) -> None:
        """What is older is not asked for again."""
        self.since = since
        self._shown = {key: moment for key, moment in self._shown.items() if moment >= since}


def _entries(
    clients: GoogleClients,
    container_jobs: Sequence[str],
    since: datetime | None,
    order: str,
    page_size: int = _LARGEST_PAGE,
) -> Iterator[LogLine]:
    for first in range(0, len(container_jobs), _JOBS_IN_A_FILTER):
        numbers = container_jobs[first : first + _JOBS_IN_A_FILTER]
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{clients.location.project_id}"],
            "filter": _filter(numbers, since),
            "orderBy": order,
            "pageSize": min(page_size, _LARGEST_PAGE),
        }
        while True:
            answer = retried(partial(_post, clients, body), PATIENCE_OF_A_READER)
            yield from (_line(entry) for entry in answer.get("entries", ()))
            if not answer.get("nextPageToken"):
                break
            body = {**body, "pageToken": answer["nextPageToken"]}


def _filter(container_jobs: Sequence[str], since: datetime | None) -> str:
    printed_by = " OR ".join(f'resource.labels.job_id="{number}"' for number in container_jobs)
    terms = [_CONTAINER, f"({printed_by})"]
    if since:
        terms.append(f'timestamp>="{since.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"')
    return " AND ".join(terms)


def _post(clients: GoogleClients, body: Mapping[str, Any]) -> dict[str, Any]:
    from google.api_core.exceptions import from_http_response

    url = f"{endpoint('logging', 'https://logging.googleapis.com')}/v2/entries:list"
    response = clients.session_for(url).post(url, json=body, timeout=TIMEOUT)
    if not response.ok:
        raise from_http_response(response)  # type: ignore[no-untyped-call]
    answer: dict[str, Any] = response.json()
    return answer


def _line(entry: Mapping[str, Any]) -> LogLine:
    labels = entry.get("resource", {}).get("labels", {})
    return LogLine(
        container_job=str(labels.get("job_id", "")),
        timestamp=str(entry.get("timestamp", "")),
        insert_id=str(entry.get("insertId", "")),
        text=_text(entry),
    )


def _text(entry: Mapping[str, Any]) -> str:
    """Vertex AI puts what a container prints into a message, unless that is JSON itself."""
    if "textPayload" in entry:
        return str(entry["textPayload"]).rstrip("\n")
    payload = entry.get("jsonPayload", {})
    if "message" in payload:
        return str(payload["message"]).rstrip("\n")
    return json.dumps(payload, ensure_ascii=False)
