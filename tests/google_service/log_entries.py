"""Cloud Logging's list of entries: what the containers of all jobs have printed.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from google_service import listing
from google_service.errors import invalid, permission_denied
from google_service.filters import Lookup, parse_filter
from google_service.job import Job
from google_service.place import Place
from google_service.web import Request, Route

_FIELDS = {"resourceNames", "projectIds", "filter", "orderBy", "pageSize", "pageToken"}
_ORDERS = ("", "timestamp asc", "timestamp desc")
_DEFAULT_PAGE = 50


class LogEntries:
    """The entries of jobs, deleted ones too: logs outlive what wrote them."""

    def __init__(self, place: Place, jobs: Callable[[], Iterable[Job]]) -> None:
        self._place = place
        self._jobs = jobs

    def routes(self) -> list[Route]:
        return [Route("POST", "/v2/entries:list", self._list)]

    def _list(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        body = request.body
        if unknown := set(body) - _FIELDS:
            raise invalid(f'Invalid JSON payload received. Unknown name "{min(unknown)}"')
        self._check_resources([*body.get("resourceNames", []), *body.get("projectIds", [])])
        order = body.get("orderBy", "")
        if order not in _ORDERS:
            raise invalid(f"Invalid order_by: '{order}'", "order_by")
        matches = parse_filter(body.get("filter", ""))
        entries = [
            entry for job in self._jobs() for entry in job.logs.entries() if matches(_lookup(entry))
        ]
        entries.sort(key=lambda entry: str(entry["timestamp"]), reverse=order.endswith("desc"))
        size = str(body.get("pageSize", ""))
        found, token = listing.page(entries, size, body.get("pageToken", ""), _DEFAULT_PAGE)
        return {
            **({"entries": found} if found else {}),
            **({"nextPageToken": token} if token else {}),
        }

    def _check_resources(self, resources: Iterable[str]) -> None:
        projects = [str(resource).removeprefix("projects/") for resource in resources]
        if not projects:
            raise invalid("At least one resource name must be given.", "resource_names")
        for project in projects:
            if not self._place.is_project(project):
                raise permission_denied(
                    "logging.logEntries.list", f"projects/{project}", "logging.googleapis.com"
                )


def _lookup(entry: Mapping[str, Any]) -> Lookup:
    def look(path: str) -> Any:
        found: Any = entry
        while path and isinstance(found, Mapping):
            # Keys of labels have dots of their own.
            key = path if path in found else path.partition(".")[0]
            found, path = found.get(key), path[len(key) + 1 :]
        is_time = isinstance(found, str) and found is entry.get("timestamp")
        return datetime.fromisoformat(found.replace("Z", "+00:00")) if is_time else found

    return look
