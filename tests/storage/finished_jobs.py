"""Jobs that ended, with the artifacts that a test gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from project_factory import KedroProject

from kedro_vertexai.targets.local.job_file import job_as_json
from kedro_vertexai.targets.results import (
    JobResult,
    JobState,
    OutputArtifact,
    TaskResult,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def output(dataset: str, uri: str | Path, **metadata: Any) -> OutputArtifact:
    """What a task tells of a dataset that the catalog keeps in a file."""
    return OutputArtifact(
        str(uri), {"dataset": dataset, "path": f"data/{dataset}", **metadata}, "system.Dataset"
    )


def passed_object(dataset: str, uri: str | Path) -> OutputArtifact:
    """What a task tells of an object."""
    return OutputArtifact(str(uri), {"dataset": dataset, "bytes": 1}, "system.Artifact")


class LocalJob:
    """A job that this machine ran; its artifacts lie in its directory."""

    def __init__(self, project: KedroProject, name: str, hours: int = 0) -> None:
        self.name = name
        self.path = project.path / ".vertexai" / "jobs" / name
        self.path.mkdir(parents=True)
        self._start = START + timedelta(hours=hours)

    def artifact(self, task: str, key: str, content: bytes | Mapping[str, bytes]) -> Path:
        """Write an artifact: a file, or a directory of files by name."""
        path = self.path / "artifacts" / task / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            return path
        path.mkdir()
        for name, data in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
        return path

    def ended(self, *tasks: Mapping[str, OutputArtifact], state: JobState = "SUCCEEDED") -> None:
        """Write its record: what each task made, by artifact key."""
        job = JobResult(
            job_name=self.name,
            job_id="0",
            state=state,
            path=self.path,
            start=self._start,
            end=self._start,
            tasks=tuple(
                TaskResult(f"task-{number}", f"task-{number}", "SUCCEEDED", outputs=outputs)
                for number, outputs in enumerate(tasks)
            ),
        )
        (self.path / "job.json").write_text(json.dumps(job_as_json(job)), encoding="utf-8")
