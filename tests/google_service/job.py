"""One pipeline job, as the API tells of it while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState, PipelineTaskDetail
from google.protobuf import json_format

from google_service.job_logs import JobLogs
from google_service.messages import now, timestamp
from google_service.place import Place, new_number
from google_service.structure import Node, task_tree

_PREFIX = "PIPELINE_STATE_"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
_FAILED_PRECONDITION = 9  # google.rpc.Code
_CANCELLED = 1


class Job:
    """A job's message and what changes it; safe for threads."""

    def __init__(
        self,
        message: Any,
        job_id: str,
        place: Place,
        on_start: Callable[[Job], tuple[Any, Any]] | None = None,
    ) -> None:
        """Take over a checked message.

        Args:
            message: of the request, from now on the job's.
            job_id: the last part of its name.
            place: its project and region.
            on_start: makes the contexts of the pipeline and of the run once the job starts.
        """
        self.id = job_id
        self.uuid = new_number()
        self.place = place
        self.spec: dict[str, Any] = json_format.MessageToDict(message.pipeline_spec)
        self.logs = JobLogs(place)
        self.ended = threading.Event()
        self._on_start = on_start
        self._lock = threading.RLock()
        self._message = message
        self._tasks: dict[str, Any] = {}
        self._attempts: dict[str, int] = {}
        self._nodes = {node.name: node for node in task_tree(self.spec)}
        message.name = f"{place.parent}/pipelineJobs/{job_id}"
        message.display_name = message.display_name or job_id
        message.ClearField("job_detail")
        message.ClearField("error")
        for field in ("create_time", "update_time"):
            getattr(message, field).CopyFrom(now())
        self._set_state("PENDING")

    @property
    def name(self) -> str:
        return str(self._message.name)

    @property
    def state(self) -> str:
        """Without its prefix, as `RUNNING`."""
        return PipelineState(self._message.state).name.removeprefix(_PREFIX)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def message(self) -> Any:
        """A copy of the message as it is now."""
        with self._lock:
            copy = PipelineJob.pb(PipelineJob())
            copy.CopyFrom(self._message)
            return copy

    def task(self, name: str) -> Any:
        """The detail of a task by its name in the spec.

        Raises:
            KeyError: it has not come up yet.
        """
        for detail in self.message().job_detail.task_details:
            if detail.task_name == name:
                return detail
        raise KeyError(name)

    def task_states(self) -> dict[str, str]:
        """The states of the tasks that have come up, by name in the spec."""
        return {
            detail.task_name: PipelineTaskDetail.State(detail.state).name
            for detail in self.message().job_detail.task_details
        }

    def wait(self, timeout: float = 120) -> str:
        """The state once the job has ended; `timeout` is in seconds.

        Raises:
            TimeoutError: it has not.
        """
        if not self.ended.wait(timeout):
            raise TimeoutError(f"job {self.id} is still {self.state}")
        return self.state

    def wait_for_log(self, line: str, timeout: float = 120) -> None:
        """Return once a container has printed a line; `timeout` is in seconds.

        Raises:
            TimeoutError: none has.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end and not self.ended.wait(0.05):
            if any(entry["jsonPayload"]["message"] == line for entry in self.logs.entries()):
                return
        raise TimeoutError(f"job {self.id} is {self.state} and has not printed '{line}'")

    # Changes

    def start(self) -> None:
        with self._lock:
            if self.state != "PENDING":
                return
            self._message.start_time.CopyFrom(now())
            if self._on_start:
                of_pipeline, of_run = self._on_start(self)
                self._message.job_detail.pipeline_context.CopyFrom(of_pipeline)
                self._message.job_detail.pipeline_run_context.CopyFrom(of_run)
            self._set_state("RUNNING")
            self.set_task(self.id, "RUNNING", is_root=True)

    def set_state(self, state: str, error: str = "") -> None:
        """Give the job a state, as `FAILED`; an end state is for good."""
        with self._lock:
            if self.is_final:
                return
            self._set_state(state)
            if error:
                self._message.error.code = _FAILED_PRECONDITION
                self._message.error.message = error
            if state in FINAL:
                self._end(state)

    def request_cancel(self) -> bool:
        """Note that it is to be cancelled; False where it has ended."""
        with self._lock:
            if self.is_final:
                return False
            self._set_state("CANCELLING")
            return True

    def set_task(
        self,
        name: str,
        state: str,
        *,
        error: str = "",
        attempt: int = 1,
        start: datetime | None = None,
        end: datetime | None = None,
        log: Path | None = None,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        inputs: Mapping[str, Mapping[str, Any]] | None = None,
        output_parameters: Mapping[str, Any] | None = None,
        task_id: str = "",
        is_root: bool = False,
    ) -> None:
        """Tell how a task is doing.

        Args:
            name: its name in the spec; of two sub-DAGs' equal names, the path joined with dots.
            state: as `PipelineTaskDetail.State` has it.
            error: one line.
            attempt: from 1.
            start: of the first attempt.
            end: of the task.
            log: the file that its container writes to.
            outputs: artifacts by key: `uri`, `metadata`, `schema_title`.
            inputs: likewise.
            output_parameters: by key.
            task_id: if it is not to be made up.
            is_root: it is the DAG of the whole pipeline, which bears the job's name.
        """
        with self._lock:
            detail = self._tasks.get(name)
            if detail is None:
                detail = self._new_detail(name, is_root, task_id)
            self._set_status(detail, state, error)
            if start or state == "RUNNING":
                detail.start_time.CopyFrom(timestamp(start) if start else now())
            if end or state in (*FINAL, "NOT_TRIGGERED", "SKIPPED"):
                detail.end_time.CopyFrom(timestamp(end) if end else now())
            node = self._nodes.get(name)
            if node is not None and node.is_container and state != "NOT_TRIGGERED":
                self._set_custom_job(name, detail, attempt)
                self.logs.follow(self._custom_job_id(detail), log)
            self._set_artifacts(detail.inputs, inputs or {})
            self._set_artifacts(detail.outputs, outputs or {})
            self._set_execution(detail, node, state, output_parameters or {})
            self._message.update_time.CopyFrom(now())

    def custom_job_id(self, task: str) -> str:
        """The number of the custom job of a task's last attempt, as its log entries have it."""
        return self._custom_job_id(self.task(task))

    # Inside

    def _set_state(self, state: str) -> None:
        self._message.state = PipelineState[_PREFIX + state]
        self._message.update_time.CopyFrom(now())

    def _end(self, state: str) -> None:
        self.logs.collect(final=True)
        self._message.end_time.CopyFrom(now())
        for name in reversed([n for n in self._nodes if self._nodes[n].is_dag]):
            if name in self._tasks:
                self.set_task(name, self._state_of_dag(name, state))
        if self.id in self._tasks:
            self.set_task(self.id, state, error=self._message.error.message, is_root=True)
        self.ended.set()

    def _state_of_dag(self, name: str, state: str) -> str:
        inside = {
            PipelineTaskDetail.State(self._tasks[child].state).name
            for child, node in self._nodes.items()
            if node.parent == name and child in self._tasks
        }
        if "FAILED" in inside:
            return "FAILED"
        return "CANCELLED" if "CANCELLED" in inside else "SUCCEEDED"

    def _new_detail(self, name: str, is_root: bool, task_id: str) -> Any:
        node = self._nodes.get(name)
        parent = "" if is_root else (node.parent if node and node.parent else self.id)
        if parent and parent not in self._tasks:
            self.set_task(parent, "RUNNING", is_root=parent == self.id)
        detail = self._message.job_detail.task_details.add()
        self._tasks[name] = detail
        detail.task_id = int(task_id or new_number())
        detail.task_name = node.task_name if node else name
        detail.task_unique_name = node.unique_name if node else name
        detail.create_time.CopyFrom(now())
        if parent:
            detail.parent_task_id = self._tasks[parent].task_id
        return detail

    def _set_status(self, detail: Any, state: str, error: str) -> None:
        detail.state = PipelineTaskDetail.State[state]
        status = detail.pipeline_task_status.add(state=detail.state)
        status.update_time.CopyFrom(now())
        if error:
            status.error.code = _CANCELLED if state == "CANCELLED" else _FAILED_PRECONDITION
            status.error.message = error
            if state in ("FAILED", "CANCELLED"):
                detail.error.CopyFrom(status.error)

    def _set_custom_job(self, name: str, detail: Any, attempt: int) -> None:
        """Each attempt of a container is a custom job of its own."""
        container = detail.executor_detail.container_detail
        if self._attempts.get(name) == attempt:
            return
        self._attempts[name] = attempt
        if container.main_job:
            container.failed_main_jobs.append(container.main_job)
        container.main_job = f"{self.place.parent}/customJobs/{new_number()}"

    @staticmethod
    def _custom_job_id(detail: Any) -> str:
        return str(detail.executor_detail.container_detail.main_job.rpartition("/")[2])

    def _set_artifacts(self, target: Any, artifacts: Mapping[str, Mapping[str, Any]]) -> None:
        for key, facts in artifacts.items():
            del target[key].artifacts[:]
            artifact = target[key].artifacts.add(
                name=f"{self.place.parent}/metadataStores/default/artifacts/{new_number()}",
                display_name=key,
                uri=facts["uri"],
                schema_title=facts.get("schema_title", ""),
                schema_version="0.0.1",
                state=2,  # LIVE
            )
            artifact.metadata.update(facts.get("metadata") or {})
            artifact.create_time.CopyFrom(now())

    def _set_execution(
        self, detail: Any, node: Node | None, state: str, output_parameters: Mapping[str, Any]
    ) -> None:
        execution = detail.execution
        if not execution.name:
            number = new_number()
            execution.name = f"{self.place.parent}/metadataStores/default/executions/{number}"
            execution.display_name = detail.task_name
            execution.schema_title = node.schema_title if node else "system.Run"
            execution.schema_version = "0.0.1"
            execution.create_time.CopyFrom(now())
        states = {"SUCCEEDED": 3, "FAILED": 4, "SKIPPED": 5, "CANCELLED": 6}
        execution.state = states.get(state, 2)
        if output_parameters:
            execution.metadata.update(
                {f"output:{key}": value for key, value in output_parameters.items()}
            )
