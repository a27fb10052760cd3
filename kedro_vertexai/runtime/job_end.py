"""How the job ended, as the engine tells its last task."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai import job_parameter
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job
from kedro_vertexai.task_inputs import STATUS, TRACKING
from kedro_vertexai.tracking.finish import failed_tasks

SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
# A job's state in the words of KFP and Vertex AI, where it is no failure:
# https://cloud.google.com/vertex-ai/docs/pipelines/email-notifications (PipelineTaskFinalStatus),
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs#State
_STATES = {
    "SUCCEEDED": SUCCEEDED,
    "COMPLETE": SUCCEEDED,
    "CANCELLED": CANCELLED,
    "CANCELLING": CANCELLED,
    "SKIPPED": CANCELLED,
}
# Characters of words that are no final status which a message shows.
_LONGEST = 200
_VARIABLE = "KEDRO_VERTEXAI_JOB_"


@dataclass(frozen=True)
class JobEnd:
    """How the job ended.

    Args:
        state: SUCCEEDED, FAILED or CANCELLED, whatever the engine.
        error: the engine's words on why it did not succeed.
        failed_nodes: the user's names of the tasks that failed, where the engine names them.
        job: which job.
    """

    state: str
    error: str
    failed_nodes: tuple[str, ...]
    job: Job

    @classmethod
    def of(cls, given: ExecutorInput) -> JobEnd:
        """What the engine handed over."""
        status = _status(given.parameters.get(STATUS))
        error = status.get("error")
        reason = error.get("message", "") if isinstance(error, dict) else error
        if not status:
            reason = _not_told(given.parameters.get(STATUS))
        titles = json.loads(given.parameters.get(TRACKING) or "{}").get("titles")
        return cls(
            state=_STATES.get(str(status.get("state", "")).upper(), FAILED),
            error=str(reason or ""),
            failed_nodes=tuple(failed_tasks(str(reason or ""), titles)),
            job=Job.of(given.parameters),
        )

    def parameter(self) -> dict[str, Any]:
        """The value of `params:vertexai_job`."""
        return {
            job_parameter.STATE: self.state,
            job_parameter.ERROR: self.error,
            job_parameter.FAILED_NODES: list(self.failed_nodes),
            job_parameter.JOB_NAME: self.job.name,
            job_parameter.JOB_ID: self.job.id,
        }

    def to_environment(self) -> None:
        """Let hooks, settings and configuration read it; the failed nodes are a JSON list."""
        os.environ[f"{_VARIABLE}STATE"] = self.state
        os.environ[f"{_VARIABLE}ERROR"] = self.error
        os.environ[f"{_VARIABLE}FAILED_NODES"] = json.dumps(self.failed_nodes)
        os.environ[f"{_VARIABLE}NAME"] = self.job.name
        os.environ[f"{_VARIABLE}ID"] = self.job.id


def _status(value: Any) -> Mapping[str, Any]:
    """KFP's PipelineTaskFinalStatus: engines give an object or its JSON.

    The two keys that are read here are one word, so that it does not matter that some engines
    write keys in snake_case and others in camelCase.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except json.JSONDecodeError:
            # The run has to be closed all the same; it is told in the reason.
            return {}
    return value if isinstance(value, dict) else {}


def _not_told(value: Any) -> str:
    """The reason where the engine hands over nothing, or what is no final status."""
    if not value:
        return "the engine does not say how the job ended"
    return f"the engine's final status of the job is not understood: {str(value)[:_LONGEST]!r}"
