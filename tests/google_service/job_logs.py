"""The lines that the containers of one job have written, as Cloud Logging keeps them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from google_service.place import Place

_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class _File:
    """A log file, and how many of its bytes have become entries."""

    custom_job_id: str
    path: Path
    taken: int = 0


@dataclass
class JobLogs:
    """Entries in the order in which they came."""

    place: Place
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _files: dict[Path, _File] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: datetime = _NEVER

    def follow(self, custom_job_id: str, log: Path | None) -> None:
        """Take entries from a container's log file from now on."""
        with self._lock:
            if log is not None and log not in self._files:
                self._files[log] = _File(custom_job_id, log)
        self.collect()

    def write(self, custom_job_id: str, line: str, severity: str = "INFO") -> None:
        """Add an entry."""
        with self._lock:
            self._add(custom_job_id, line, severity)

    def entries(self) -> list[dict[str, Any]]:
        """All entries; those of a container's last moments too."""
        self.collect()
        with self._lock:
            return list(self._entries)

    def collect(self, *, final: bool = False) -> None:
        """Take what has been written; a line without end only if there will be no more."""
        with self._lock:
            for file in self._files.values():
                self._take(file, final)

    def _take(self, file: _File, final: bool) -> None:
        try:
            with file.path.open("rb") as stream:
                stream.seek(file.taken)
                content = stream.read()
        except FileNotFoundError:
            # The container has not started yet.
            return
        if not final:
            content = content[: content.rfind(b"\n") + 1]
        file.taken += len(content)
        for line in content.decode("utf-8", "replace").splitlines():
            self._add(file.custom_job_id, line, "INFO")

    def _add(self, custom_job_id: str, line: str, severity: str) -> None:
        # Each entry later than the one before it, so that their order is never in doubt.
        moment = max(datetime.now(timezone.utc), self._last + timedelta(microseconds=1))
        self._last = moment
        text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._entries.append(
            {
                "insertId": f"{len(self._entries):012x}",
                "logName": f"projects/{self.place.project_id}/logs/workerpool0-0",
                "resource": {
                    "type": "ml_job",
                    "labels": {
                        "job_id": custom_job_id,
                        "project_id": self.place.project_id,
                        "task_name": "workerpool0-0",
                    },
                },
                "labels": {
                    "ml.googleapis.com/job_id/log_area": "root",
                    "ml.googleapis.com/trial_id": "",
                    "compute.googleapis.com/resource_name": f"cmle-training-{custom_job_id}",
                },
                "severity": severity,
                "timestamp": text,
                "receiveTimestamp": text,
                "jsonPayload": {
                    "message": line,
                    "levelname": severity,
                    "attrs": {"tag": "workerpool0-0"},
                },
            }
        )
