"""What Vertex AI tells of a job and its tasks, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kedro_vertexai.targets.outputs import DatasetOutput
from kedro_vertexai.targets.vertex.memory_limits import memory_limits
from kedro_vertexai.targets.vertex.names import resource_id
from kedro_vertexai.task_inputs import JOB, RUN

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
"""States that a job does not leave."""
TASK_ENDED = ENDED | {"SKIPPED", "NOT_TRIGGERED"}
"""States that a task does not leave."""

# The metadata of a task's execution hold its parameters under these prefixes:
# google.cloud.aiplatform.PipelineJob.task_details, and PIPELINE_PARAM_PREFIX of its metadata.
_OUTPUT = "output:"


@dataclass(frozen=True)
class MlflowRun:
    """The run that a job's tasks share; `url` is empty until the last task has told the server."""

    id: str
    experiment_id: str = ""
    url: str = ""


@dataclass(frozen=True)
class TaskRecord:
    """One task.

    `container_jobs` are the numbers of the custom jobs that ran its container, an attempt each,
    the first one first. `parameters` are those that it has put out. `memory_limit` is in bytes;
    None for a task without one, and where the job's spec was not asked for.
    """

    name: str
    unique_name: str
    state: str
    start: datetime | None = None
    end: datetime | None = None
    error: str = ""
    container_jobs: tuple[str, ...] = ()
    outputs: tuple[DatasetOutput, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    memory_limit: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its state is final."""
        return self.state in TASK_ENDED

    @property
    def is_out_of_memory(self) -> bool:
        """Whether that is what it failed of, in Vertex AI's words.

        https://cloud.google.com/vertex-ai/docs/training/troubleshooting (internal errors)
        """
        return "out-of-memory" in self.error or "out of memory" in self.error.lower()


@dataclass(frozen=True)
class JobRecord:
    """One job. A list of jobs tells nothing of their tasks."""

    id: str
    display_name: str
    state: str
    created: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    error: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[TaskRecord, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ENDED

    @property
    def mlflow_run(self) -> MlflowRun | None:
        """The MLflow run as the first and the last task tell of it; None before, or without."""
        told = _told(self.tasks, JOB)
        closed = _told(self.tasks, RUN)
        run_id = str(closed.get("id") or told.get("run_id") or "")
        if not run_id:
            return None
        experiment = str(closed.get("experiment_id") or told.get("experiment_id") or "")
        server = str(closed.get("tracking_uri") or "").rstrip("/")
        page = f"{server}/#/experiments/{experiment}/runs/{run_id}"
        return MlflowRun(run_id, experiment, page if server.startswith("http") else "")

    @property
    def untracked(self) -> str:
        """Why a job that should have an MLflow run has none; empty where it need not."""
        return str(_told(self.tasks, JOB).get("untracked") or "")

    @property
    def outputs(self) -> tuple[DatasetOutput, ...]:
        """The datasets that tasks have made and that lie in a place of their own."""
        found = {
            output.dataset: output
            for task in self.tasks
            for output in task.outputs
            if output.is_result
        }
        return tuple(found[dataset] for dataset in sorted(found))


def job_record(job: PipelineJob) -> JobRecord:
    """Read a job as the API gives it."""
    details = list(job.job_detail.task_details) if job.job_detail else []
    job_id = resource_id(job.name)
    # The whole pipeline is told of as one more task, which bears the job's name.
    groups = {task.parent_task_id for task in details}
    tasks = (t for t in details if t.task_id not in groups and t.task_name != job_id)
    limits = memory_limits(job)
    return JobRecord(
        id=job_id,
        display_name=job.display_name,
        state=job.state.name.removeprefix("PIPELINE_STATE_"),
        created=job.create_time,
        start=job.start_time,
        end=job.end_time,
        error=_message(job.error),
        labels=dict(job.labels),
        tasks=tuple(
            sorted((task_record(task, limits.get(task.task_name)) for task in tasks), key=_order)
        ),
    )


def task_record(task: PipelineTaskDetail, memory_limit: int | None = None) -> TaskRecord:
    """Read a task as the API gives it, with its limit, of which the API tells elsewhere."""
    container = task.executor_detail.container_detail
    return TaskRecord(
        name=task.task_name,
        unique_name=task.task_unique_name,
        state=task.state.name,
        start=task.start_time,
        end=task.end_time,
        error=_message(task.error),
        container_jobs=tuple(
            resource_id(name) for name in (*container.failed_main_jobs, container.main_job) if name
        ),
        outputs=tuple(_outputs(task)),
        parameters=_output_parameters(task),
        memory_limit=memory_limit,
    )


def _outputs(task: PipelineTaskDetail) -> list[DatasetOutput]:
    found = (
        DatasetOutput.of(artifact.uri, dict(artifact.metadata or {}))
        for artifacts in task.outputs.values()
        for artifact in artifacts.artifacts
    )
    return [output for output in found if output is not None]


def _output_parameters(task: PipelineTaskDetail) -> dict[str, Any]:
    metadata = dict(task.execution.metadata or {}) if task.execution else {}
    return {
        key.removeprefix(_OUTPUT): value
        for key, value in metadata.items()
        if key.startswith(_OUTPUT)
    }


def _told(tasks: tuple[TaskRecord, ...], parameter: str) -> dict[str, Any]:
    """The JSON object that a task has put out under this name; empty before."""
    for task in tasks:
        value = task.parameters.get(parameter)
        if isinstance(value, str):
            told = json.loads(value)
            return told if isinstance(told, dict) else {}
    return {}


def _message(status: Any) -> str:
    """The words of a google.rpc.Status."""
    return " ".join(str(status.message).split()) if status else ""


def _order(task: TaskRecord) -> tuple[float, str]:
    """By start; those that have not started come last."""
    return (task.start.timestamp() if task.start else float("inf"), task.name)
