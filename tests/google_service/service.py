"""The service as a whole, and what a test can do with it."""

from __future__ import annotations

import re
import shutil
import ssl
import tempfile
import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from google_service import errors
from google_service.cloud_build import CloudBuild
from google_service.cloud_project import CloudProject
from google_service.docker_registry import DockerRegistry
from google_service.errors import GoogleError
from google_service.execution import Execution, Settings
from google_service.faults import UNDISTURBED, Disturbance, Fault, Faults
from google_service.images import Image, Images
from google_service.job import Job
from google_service.log_entries import LogEntries
from google_service.metadata import Metadata
from google_service.operations import Operations
from google_service.pipeline_jobs import PipelineJobs
from google_service.place import Place
from google_service.schedules import Schedules
from google_service.server import Respond, as_error, serving
from google_service.web import Answer, Request, Route, answer

_ENDPOINTS = (
    "AIPLATFORM",
    "LOGGING",
    "ARTIFACTREGISTRY",
    "SERVICEUSAGE",
    "IAM",
    "CLOUDRESOURCEMANAGER",
    "COMPUTE",
    "STORAGE",
    "CLOUDBUILD",
)


@dataclass(frozen=True)
class Asked:
    """A request that was made, faults included; `answered` is the HTTP status, 0 for none."""

    method: str
    path: str
    body: Any
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answered: int = 0


class GoogleService:
    """Google's services on this machine; see the package's documentation."""

    def __init__(
        self, place: Place, images: Mapping[str, Path | Image], directory: Path, settings: Settings
    ) -> None:
        self.url = ""
        self.place = place
        self.settings = settings
        self.images = Images(images)
        self.tokens: Container[str] | None = None
        """Access tokens that are accepted; None: everybody may ask."""
        self.clock_skew = timedelta()
        """How far the service's clock is ahead of this machine's."""
        self._execution = Execution(directory, settings, self.images)
        self.operations = Operations(place)
        self.pipeline_jobs = PipelineJobs(
            place, self.operations, self._execution.start, self._execution.stop
        )
        self.schedules = Schedules(place, self.operations, self.pipeline_jobs)
        self.metadata = Metadata(place, self.operations)
        self.pipeline_jobs.on_start = self.metadata.add_run
        self._faults = Faults()
        self._asked: list[Asked] = []
        self._lock = threading.Lock()
        logs = LogEntries(place, self.pipeline_jobs.ever)
        self.project = CloudProject(place.project_id, is_open=True)
        """What the pre-flight looks at: nothing is wrong in it."""
        self.cloud_build = CloudBuild(place, self.images, directory / "builds")
        self._routes: list[Route] = [
            *self.cloud_build.routes,
            *self.project.routes,
            *DockerRegistry(self.images).routes,
            *self.pipeline_jobs.routes(),
            *self.schedules.routes(),
            *self.metadata.routes(),
            *self.operations.routes(),
            *logs.routes(),
        ]

    # What a test reads

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the plugin asks this service instead of Google."""
        return {
            **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": self.url for name in _ENDPOINTS},
            # Nobody looks for a metadata server.
            "NO_GCE_CHECK": "true",
        }

    @property
    def requests(self) -> list[Asked]:
        """Everything that was asked so far, in that order."""
        with self._lock:
            return list(self._asked)

    def asked(self, method: str, path: str = "") -> list[Asked]:
        """The requests of a method whose path a regular expression finds."""
        return [
            asked
            for asked in self.requests
            if asked.method == method and re.search(path, asked.path)
        ]

    @property
    def jobs(self) -> list[Job]:
        """In the order in which they were made."""
        return self.pipeline_jobs.all()

    def job(self, job_id: str = "") -> Job:
        """A job by its id, or the only one there is.

        Raises:
            GoogleError: there is no such job.
        """
        if job_id:
            return self.pipeline_jobs.find(job_id)
        (job,) = self.jobs
        return job

    # What a test does

    def fail(
        self,
        method: str,
        path: str,
        *,
        status: int = 0,
        error: GoogleError | None = None,
        times: int = 1,
        after: bool = False,
        reset: bool = False,
        truncate: bool = False,
        shorten: bool = False,
        delay: float = 0.0,
    ) -> Fault:
        """Let requests go wrong; its `met` counts those that did.

        Args:
            method: HTTP method, `*` for any.
            path: regular expression found in the path.
            status: answer with a plain error of this HTTP status.
            error: answer with this error: `errors` makes those that Google is known for.
            times: so many requests.
            after: carry the request out first; the client learns nothing of it.
            reset: no answer, the connection is reset.
            truncate: half of the answer, then the connection ends.
            shorten: half of the answer, with a length as if it were all.
            delay: seconds before the answer.
        """
        if status and error is None:
            error = errors.plain(status)
        disturbance = Disturbance(delay, reset, truncate, shorten)
        fault = Fault(method, re.compile(path), times, error, disturbance, after)
        self._faults.add(fault)
        return fault

    def serve(self, routes: Iterable[Route]) -> None:
        """Answer more requests; a route that is there already is replaced."""
        self._routes[:0] = routes

    def listen(self, respond: Respond) -> None:
        """Have another function answer; it may call what `respond` was before."""
        self.respond = respond  # type: ignore[method-assign]

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()

    # Inside

    def respond(self, request: Request) -> tuple[Answer, Disturbance]:
        """Answer a request, in the thread of its connection."""
        fault = self._faults.meet(request)
        disturbance = fault.disturbance if fault else UNDISTURBED
        is_lost = fault is not None and (disturbance.reset or fault.error is not None)
        if (fault and fault.after) or not is_lost:
            answered = self._answer(request)
        if fault and fault.error is not None:
            answered = as_error(fault.error)
        elif is_lost and fault and not fault.after:
            answered = Answer(status=0)
        self._record(request, 0 if disturbance.reset else answered.status)
        return answered, disturbance

    def _answer(self, request: Request) -> Answer:
        try:
            self._check_token(request)
            return answer(self._routes, request)
        except GoogleError as error:
            return as_error(error)

    def _check_token(self, request: Request) -> None:
        if self.tokens is None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            raise errors.expired_token()

    def _record(self, request: Request, status: int) -> None:
        try:
            body: Any = request.body
        except GoogleError:
            body = request.raw
        asked = Asked(request.method, request.path, body, request.query, request.headers, status)
        with self._lock:
            self._asked.append(asked)

    def close(self) -> None:
        self._execution.close()


@contextmanager
def running_service(
    images: Mapping[str, Path | Image] | None = None,
    *,
    place: Place | None = None,
    directory: Path | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> Iterator[GoogleService]:
    """A running service.

    Args:
        images: the Kedro project that each image reference stands for.
        place: the project and region; `my-project` in `europe-west1` without.
        directory: where jobs work; a temporary one without.
        tls: what it speaks TLS with, see `certificate.self_signed`; plain HTTP without.
        settings: as `Settings` has them.
    """
    work = directory or Path(tempfile.mkdtemp(prefix="google-service-"))
    service = GoogleService(place or Place(), images or {}, work, Settings(**settings))
    try:
        # Looked up for each request: `listen` may have replaced it.
        respond: Respond = lambda asked: service.respond(asked)  # noqa: E731, PLW0108
        with serving(respond, lambda: service.clock_skew, tls) as url:
            service.url = url
            yield service
    finally:
        service.close()
        if directory is None:
            shutil.rmtree(work, ignore_errors=True)
