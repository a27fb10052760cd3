"""Each task in a container of its own, as Vertex AI runs it: an image and a bucket, no more.

A container sees the bucket at /gcs, where Vertex AI mounts it; a directory stands in for it. Its
URIs are `gs://` ones, so that a task that opened the bucket itself would be noticed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google_service.bucket_files import MountedBucket
from google_service.prepared_spec import containers_by_task, no_image
from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.attempt import Attempt, import_artifact
from kedro_vertexai.targets.local.executor_io import (
    Inputs,
    Outputs,
    build_executor_input,
    read_outputs,
)
from kedro_vertexai.targets.local.graph import ContainerExecutor, ImporterExecutor, Task
from kedro_vertexai.targets.local.launcher import check_arguments
from kedro_vertexai.targets.local.placeholders import JobIdentity, resolve_argv

OUT_OF_MEMORY = "out of memory"
_JOB = "google-service.job"  # label of every container
_GIGABYTE = 1_000_000_000  # of `memoryLimit`


@dataclass(frozen=True)
class Containers:
    """Where containers run; `engine` is empty where there are none."""

    engine: str = ""
    """Address of the Docker engine."""
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    """Addresses by name, in the hosts file of every container."""


class ContainerAttempts:
    """Runs attempts of tasks; a `Runner` of the local engine's scheduler."""

    def __init__(
        self,
        request: Mapping[str, Any],
        spec: Mapping[str, Any],
        bucket: MountedBucket,
        platform_errors: dict[str, str],
    ) -> None:
        import docker

        where = request["containers"]
        self._client = docker.DockerClient(base_url=where["engine"], timeout=600)
        self._extra_hosts = dict(where["extra_hosts"])
        self._environment = dict(request["environment"])
        self._identity = JobIdentity(request["job_id"], request["job_uuid"])
        self._resources = {
            task: container.get("resources", {})
            for task, container in containers_by_task(spec).items()
        }
        self._bucket = bucket
        self._platform_errors = platform_errors
        self._running: dict[str, Any] = {}
        self._lock = threading.Lock()

    def log_path(self, task: Task, number: int) -> Path | None:
        if isinstance(task.executor, ImporterExecutor):
            return None
        return self._bucket.work / "logs" / f"{task.name}.{number}.log"

    def run(self, task: Task, number: int, inputs: Inputs) -> Attempt:
        try:
            if isinstance(task.executor, ImporterExecutor):
                return Attempt(outputs=import_artifact(task, inputs, self._bucket.work))
            return Attempt(outputs=self._run_container(task, task.executor, number, inputs))
        except TaskError as error:
            return Attempt(error=str(error))

    def signal(self, task: str, number: int) -> None:
        import docker

        with self._lock:
            container = self._running.get(task)
        if container is not None:
            with suppress(docker.errors.APIError):  # it has ended
                container.kill(number)

    def close(self) -> None:
        """Leave no container of the job."""
        for container in self._client.containers.list(
            all=True, filters={"label": f"{_JOB}={self._identity.uuid}"}
        ):
            container.remove(force=True, v=True)
        self._client.close()

    def _run_container(
        self, task: Task, executor: ContainerExecutor, number: int, inputs: Inputs
    ) -> Outputs:
        inside, outside = self._bucket.attempt(task.name, number)
        executor_input = build_executor_input(task, inputs, inside)  # type: ignore[arg-type]
        argv = resolve_argv(executor.argv, executor_input, self._identity)
        check_arguments(argv)
        self._pull(task.name, executor.image)
        log = self.log_path(task, number)
        assert log is not None
        self._run_to_its_end(task.name, executor, argv, log)
        return read_outputs(task, outside)  # type: ignore[arg-type]

    def _pull(self, task: str, image: str) -> None:
        """Always: a tag may have moved. What is there already is not fetched again."""
        import docker

        try:
            self._client.images.pull(image)
        except docker.errors.APIError as error:
            self._platform_errors[task] = no_image(image)
            raise TaskError(f"cannot pull {image}: {error.explanation}") from error

    def _run_to_its_end(
        self, task: str, executor: ContainerExecutor, argv: list[str], log: Path
    ) -> None:
        container = self._client.containers.create(
            executor.image,
            entrypoint=argv[:1],
            command=argv[1:],
            environment={**executor.env, **self._environment},
            volumes={str(self._bucket.mount): {"bind": "/gcs", "mode": "rw"}},
            extra_hosts=self._extra_hosts,
            labels={_JOB: self._identity.uuid},
            **_limits(self._resources[task]),
        )
        try:
            container.start()
            with self._lock:
                self._running[task] = container
            log.parent.mkdir(exist_ok=True)
            with log.open("ab") as file:
                for chunk in container.logs(stream=True, follow=True):
                    file.write(chunk)
                    file.flush()
            status = container.wait()["StatusCode"]
            container.reload()
            if container.attrs["State"]["OOMKilled"]:
                raise TaskError(f"{OUT_OF_MEMORY} (exit code {status})")
            if status:
                raise TaskError(f"exit code {status}")
        finally:
            with self._lock:
                self._running.pop(task, None)
            container.remove(force=True, v=True)


def _limits(resources: Mapping[str, Any]) -> dict[str, int]:
    """What Vertex AI gives a task, here its container."""
    limits: dict[str, int] = {}
    if memory := resources.get("memoryLimit"):
        # No swap beyond the memory.
        limits |= dict.fromkeys(("mem_limit", "memswap_limit"), int(memory * _GIGABYTE))
    if cpu := resources.get("cpuLimit"):
        limits["nano_cpus"] = int(cpu * 1_000_000_000)
    return limits
