"""What jobs on this machine have made, from the `job.json` that each of them leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.local.layout import ROOT
from kedro_vertexai.targets.outputs import DatasetOutput, JobOutputs

LATEST = "latest"
_JOB_FILE = "job.json"


def local_jobs(project_path: Path) -> list[str]:
    """The names of the jobs of a project that have left a record."""
    return sorted(file.parent.name for file in _jobs(project_path).glob(f"*/{_JOB_FILE}"))


def local_job_outputs(project_path: Path, name: str) -> JobOutputs | None:
    """Return what a job has made, or None if there is no such job.

    Args:
        project_path: the project.
        name: the job's name, the beginning of just one, or `latest`.

    Raises:
        RunError: several jobs begin like this, or its record cannot be read.
    """
    record = local_job_record(project_path, name)
    return None if record is None else _outputs(record)


def local_job_record(project_path: Path, name: str) -> dict[str, Any] | None:
    """Return the content of a job's `job.json`, or None if there is no such job.

    Args:
        project_path: the project.
        name: the job's name, the beginning of just one, or `latest`.

    Raises:
        RunError: several jobs begin like this, or its record cannot be read.
    """
    names = local_jobs(project_path)
    if name == LATEST:
        records = [_read(project_path, known) for known in names]
        return max(records, key=lambda record: str(record["start"]), default=None)
    if name not in names:
        begin = [known for known in names if known.startswith(name)]
        if len(begin) > 1:
            raise RunError(f"several jobs begin with '{name}': {', '.join(begin)}")
        if not begin:
            return None
        name = begin[0]
    return _read(project_path, name)


def _jobs(project_path: Path) -> Path:
    return project_path / ROOT / "jobs"


def _read(project_path: Path, name: str) -> dict[str, Any]:
    file = _jobs(project_path) / name / _JOB_FILE
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {key: record[key] for key in ("job_name", "state", "start", "pid", "tasks")}
    except OSError as error:
        raise RunError(f"job '{name}': {file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"job '{name}': {file} is not the record of a job") from error


def _outputs(record: dict[str, Any]) -> JobOutputs:
    """The tasks of a record are in topological order."""
    found = (
        DatasetOutput.of(output["uri"], output["metadata"])
        for task in record["tasks"]
        for output in task["outputs"].values()
    )
    return JobOutputs(
        job=record["job_name"],
        state=record["state"],
        outputs=tuple(output for output in found if output is not None),
    )
