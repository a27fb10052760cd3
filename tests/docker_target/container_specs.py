"""Small pipeline specs as in tests/targets, for containers, and what runs them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from local_specs import Recorder, SpecBuilder, by_name, states

from kedro_vertexai.targets.docker import DockerEngine, DockerOptions
from kedro_vertexai.targets.local import JobResult, LocalOptions, run_job

__all__ = ["CONTAINERS", "MIB", "Recorder", "SpecBuilder", "by_name", "containers", "states"]

CONTAINERS = "kedro-vertexai.job"
MIB = 1024 * 1024


def limited(*, memory: int | None = None, cpu: float | None = None, gpu: int = 0) -> dict[str, Any]:
    """`resources` of a container as the compiler writes them.

    Args:
        memory: in MiB.
        cpu: in cores.
        gpu: how many.
    """
    said: dict[str, Any] = {}
    if memory is not None:
        said |= {"memoryLimit": memory * MIB / 1e9, "resourceMemoryLimit": f"{memory}Mi"}
    if cpu is not None:
        said |= {"cpuLimit": cpu, "resourceCpuLimit": str(cpu)}
    if gpu:
        said["accelerator"] = {"type": "NVIDIA_TESLA_T4", "count": str(gpu)}
    return said


def containers(
    builder: SpecBuilder, image: str, limits: dict[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The builder's spec with every task in this image, and limits by task."""
    spec = builder.spec()
    for label, executor in spec["deploymentSpec"]["executors"].items():
        if "container" not in executor:
            continue
        executor["container"]["image"] = image
        if wanted := (limits or {}).get(label.removeprefix("exec-")):
            executor["container"]["resources"] = wanted
    return spec


def run(
    spec: dict[str, Any],
    project: Path,
    job_name: str = "job",
    recorder: Recorder | None = None,
    docker_options: DockerOptions | None = None,
    **options: Any,
) -> JobResult:
    """Run a spec in containers of the engine that DOCKER_HOST names."""
    return run_job(
        spec,
        job_name=job_name,
        project_path=project,
        parameter_values={},
        options=LocalOptions(
            **{"max_workers": 4, **options}, engine=DockerEngine(docker_options or DockerOptions())
        ),
        reporter=recorder or Recorder(),
    )


def labelled(client: docker.DockerClient, label: str) -> list[Container]:
    """All containers with a label, those that have ended too."""
    return client.containers.list(all=True, filters={"label": label}, ignore_removed=True)


def wait_for(log: Path, text: str) -> None:
    """Wait until a log holds a text."""
    for _ in range(1200):
        if log.exists() and text in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{log} never held {text!r}")
