"""What tasks ask of their machines is what Vertex AI Pipelines can give, in any region."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_vertexai.errors import did_you_mean
from kedro_vertexai.targets.vertex.client import GoogleClients
from kedro_vertexai.targets.vertex.preflight.finding import Finding, error, warning
from kedro_vertexai.targets.vertex.preflight.subject import Subject

# At most 96 CPUs and 624 GB: https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
MAX_CPU = 96.0
# The page says GB where Compute Engine counts GiB, so that between the two nobody can tell.
MAX_MEMORY = 624.0  # GB, 10^9 bytes, as the spec counts
_MAX_MEMORY_IF_GIB = 624 * 2**30 / 1e9  # GB
# https://cloud.google.com/vertex-ai/docs/training/configure-compute#specifying_gpus
GPU_COUNTS = (1, 2, 4, 8, 16)
_VERTEX_NAME = re.compile(r"(NVIDIA|TPU)_[A-Z0-9_]+")
# https://cloud.google.com/compute/docs/eol/k80-eol
_GONE = frozenset({"NVIDIA_TESLA_K80"})


def check_resources(_clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """Findings about every container's limits. What a region has in stock is not known here."""
    for label, container in subject.containers:
        limits = container.get("resources")
        if not limits:
            continue
        tasks = _shown(subject.readers(label))
        yield from _check_limits(limits, tasks)
        if "accelerator" in limits:
            yield from _check_accelerator(limits["accelerator"], tasks)


def known_accelerators() -> frozenset[str]:
    """Names of Vertex AI's accelerators, as the installed client has them."""
    from google.cloud.aiplatform_v1.types import AcceleratorType

    return frozenset(AcceleratorType.__members__) - {"ACCELERATOR_TYPE_UNSPECIFIED"}


def _check_limits(limits: Mapping[str, Any], tasks: str) -> Iterator[Finding]:
    cpu, memory = _number(limits.get("cpuLimit")), _number(limits.get("memoryLimit"))
    if cpu > MAX_CPU:
        yield error(
            f"{tasks} asks for {cpu:g} CPUs, Vertex AI Pipelines has machines up to {MAX_CPU:g}",
            "lower cpu under run_config.resources",
        )
    if memory > _MAX_MEMORY_IF_GIB:
        yield error(
            f"{tasks} asks for {memory:.0f} GB of memory, Vertex AI Pipelines has machines up to "
            f"{MAX_MEMORY:g} GB",
            "lower memory under run_config.resources",
        )
    elif memory > MAX_MEMORY:
        yield warning(
            f"{tasks} asks for {memory:.0f} GB of memory, Vertex AI Pipelines' documented limit "
            f"is {MAX_MEMORY:g} GB",
            "write memory: 624G",
        )


def _check_accelerator(accelerator: Mapping[str, Any], tasks: str) -> Iterator[Finding]:
    kind, count = str(accelerator.get("type", "")), _number(accelerator.get("count", 1))
    if not kind:
        return
    known = known_accelerators()
    if kind in _GONE:
        yield error(
            f"{tasks} asks for {kind}, which Google Cloud no longer has",
            "name another one under run_config.node_selectors",
        )
    elif kind not in known and _VERTEX_NAME.fullmatch(kind):
        # Google may have one that this version of its client does not know.
        hint = did_you_mean(kind, known, likeness=0.8)
        yield warning(f"{tasks} asks for {kind}, which google-cloud-aiplatform does not know{hint}")
    elif kind not in known:
        wanted = re.sub(r"\W", "_", kind.upper())
        hint = did_you_mean(wanted, known, likeness=0.5).removeprefix(", ")
        yield error(
            f"{tasks} asks for '{kind}', which is no accelerator type of Vertex AI",
            hint or "write one such as NVIDIA_TESLA_T4",
        )
    if not kind.startswith("TPU") and count and count not in GPU_COUNTS:
        counts = ", ".join(map(str, GPU_COUNTS))
        yield error(
            f"{tasks} asks for {count:g} of {kind}, machines have {counts}",
            "change gpu under run_config.resources",
        )


def _number(value: Any) -> float:
    """A limit that stands in the spec; 0 for one that only the job will know."""
    try:
        return float(value or 0)
    except ValueError:
        return 0.0


def _shown(tasks: list[str]) -> str:
    others = f" (and {len(tasks) - 1} more)" if len(tasks) > 1 else ""
    return f"task {tasks[0]}{others}" if tasks else "a task"
