"""Vertex AI's pipeline jobs.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import ListPipelineJobsResponse

from google_service import listing
from google_service.errors import GoogleError, failed_precondition, invalid, not_found
from google_service.job import Job
from google_service.job_request import check_job_id, read_job
from google_service.messages import masked, render
from google_service.operations import Operations
from google_service.place import Place, new_number
from google_service.web import Request, Route

# As the documentation of the list method has them.
_FILTERS = (
    "pipeline_name",
    "display_name",
    "pipeline_job_user_id",
    "state",
    "create_time",
    "update_time",
    "end_time",
    "labels",
    "template_uri",
    "template_metadata.version",
)
_ORDERS = ("create_time", "update_time", "end_time", "start_time")


class PipelineJobs:
    """All jobs of the service."""

    def __init__(
        self,
        place: Place,
        operations: Operations,
        start: Callable[[Job], None],
        stop: Callable[[Job], None],
    ) -> None:
        """Take what carries jobs out.

        Args:
            place: of all jobs.
            operations: where deletions are found.
            start: called with a new job.
            stop: called with a job that is to be cancelled.
        """
        self._place = place
        self._operations = operations
        self._start = start
        self._stop = stop
        self._jobs: dict[str, Job] = {}
        self._ever: list[Job] = []
        self.on_start: Callable[[Job], tuple[Any, Any]] | None = None
        """Makes the contexts of a job that starts."""
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        base = "/v1/projects/{project}/locations/{location}/pipelineJobs"
        return [
            Route("POST", base, self._create),
            Route("GET", base, self._list),
            Route("POST", f"{base}:batchCancel", self._batch_cancel),
            Route("POST", f"{base}:batchDelete", self._batch_delete),
            Route("GET", f"{base}/{{job}}", self._get),
            Route("DELETE", f"{base}/{{job}}", self._delete),
            Route("POST", f"{base}/{{job}}:cancel", self._cancel),
        ]

    def all(self) -> list[Job]:
        """In the order in which they were made."""
        with self._lock:
            return list(self._jobs.values())

    def ever(self) -> list[Job]:
        """All of them and those that were deleted since."""
        with self._lock:
            return list(self._ever)

    def find(self, job_id: str) -> Job:
        """The job of an id.

        Raises:
            GoogleError: there is none.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            name = f"{self._place.parent}/pipelineJobs/{job_id}"
            raise not_found(f"The PipelineJob does not exist: {name}.")
        return job

    def add(self, message: Any, job_id: str) -> Job:
        """Make a job from a checked message, and start it.

        Raises:
            GoogleError: the id is taken, or not valid.
        """
        check_job_id(job_id)
        with self._lock:
            if job_id in self._jobs:
                name = f"{self._place.parent}/pipelineJobs/{job_id}"
                raise GoogleError(
                    409, f"The PipelineJob already exists: {name}.", status="ALREADY_EXISTS"
                )
            job = self._jobs[job_id] = Job(message, job_id, self._place, self.on_start)
            self._ever.append(job)
        self._start(job)
        return job

    def _create(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "pipelineJobs.create")
        message = read_job(request.body)
        job_id = request.query.get("pipelineJobId") or f"pipeline-{new_number()}"
        return render(self.add(message, job_id).message(), request)

    def _get(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        return render(self._named(names, "pipelineJobs.get").message(), request)

    def _list(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "pipelineJobs.list")
        text = request.query.get("filter", "")
        jobs = [job.message() for job in self.all()]
        chosen = listing.selected(jobs, text, _FILTERS, _known_to_filters)
        order = request.query.get("orderBy") or "create_time desc"
        found, token = listing.page(
            listing.ordered(chosen, order, _ORDERS),
            request.query.get("pageSize", ""),
            request.query.get("pageToken", ""),
        )
        mask = request.query.get("readMask", "")
        response = ListPipelineJobsResponse.pb(ListPipelineJobsResponse())
        response.pipeline_jobs.extend(masked(message, mask) for message in found)
        response.next_page_token = token
        return render(response, request)

    def _cancel(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        job = self._named(names, "pipelineJobs.cancel")
        self._cancel_job(job)
        return {}

    def _cancel_job(self, job: Job) -> None:
        if not job.request_cancel():
            raise failed_precondition(
                f"The PipelineJob {job.name} is in state PIPELINE_STATE_{job.state} and cannot be "
                "cancelled."
            )
        self._stop(job)

    def _batch_cancel(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "pipelineJobs.cancel")
        for job in self._several(request):
            self._cancel_job(job)
        return self._operations.start("BatchCancelPipelineJobsOperationMetadata")

    def _delete(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._delete_job(self._named(names, "pipelineJobs.delete"))
        return self._operations.start("DeleteOperationMetadata")

    def _delete_job(self, job: Job) -> None:
        if not job.is_final:
            raise failed_precondition(
                f"The PipelineJob {job.name} is in state PIPELINE_STATE_{job.state}: only one that "
                "has ended can be deleted."
            )
        with self._lock:
            self._jobs.pop(job.id, None)

    def _batch_delete(self, request: Request, names: Mapping[str, str]) -> dict[str, Any]:
        self._place.check(names, "pipelineJobs.delete")
        for job in self._several(request):
            self._delete_job(job)
        return self._operations.start("DeleteOperationMetadata")

    def _several(self, request: Request) -> list[Job]:
        wanted = request.body.get("names") or []
        if not wanted:
            raise invalid("names must not be empty.", "names")
        return [self.find(str(name).rpartition("/")[2]) for name in wanted]

    def _named(self, names: Mapping[str, str], permission: str) -> Job:
        self._place.check(names, permission)
        return self.find(names["job"])


def _known_to_filters(message: Any) -> dict[str, Any]:
    return {
        "pipeline_name": message.pipeline_spec["pipelineInfo"]["name"],
        "pipeline_job_user_id": message.name.rpartition("/")[2],
    }
