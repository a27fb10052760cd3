"""Which job a task belongs to: the engine's name and id of it, and its MLflow run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from kedro_vertexai.task_inputs import JOB, JOB_ID, JOB_NAME

# The peer's names: users' settings and configuration read them.
_NAME_VARIABLE = "KEDRO_CONFIG_JOB_NAME"
_ID_VARIABLE = "KEDRO_CONFIG_RUN_ID"


@dataclass(frozen=True)
class Job:
    """A job by its engine's name and id; both are empty for a task that may be cached.

    `run_id` is the MLflow run that its tasks join, empty where none is tracked, and
    `experiment_id` where it is. `required` and `retry_for` are as in `Tracking`. `untracked`
    says why a job that should have a run has none.
    """

    name: str = ""
    id: str = ""
    run_id: str = ""
    experiment_id: str = ""
    required: bool = True
    retry_for: float = 60.0
    untracked: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Job:
        """The job that a task's inputs speak of."""
        if JOB in parameters:
            return cls(**json.loads(parameters[JOB]))
        return cls(str(parameters.get(JOB_NAME, "")), str(parameters.get(JOB_ID, "")))

    def document(self) -> str:
        """What the first task hands on."""
        return json.dumps(asdict(self))

    def to_environment(self) -> None:
        """Let the project's settings and configuration read it, as the peer does."""
        if self.name:
            os.environ[_NAME_VARIABLE] = self.name
            os.environ[_ID_VARIABLE] = self.id


@contextmanager
def without_job() -> Iterator[None]:
    """Let configuration be read as it was where no job was known yet: when it was compiled."""
    hidden = {
        name: os.environ.pop(name) for name in (_NAME_VARIABLE, _ID_VARIABLE) if name in os.environ
    }
    try:
        yield
    finally:
        os.environ.update(hidden)
