"""How much a container may use, as the spec says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.errors import RunError

_BYTES_PER_GB = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """Limits of one container; None sets none."""

    cpu: float | None = None
    """Cores."""
    memory: int | None = None
    """Bytes."""
    accelerators: int = 0
    accelerator: str = ""
    """Their type, in the engine's words."""


def read_limits(container: Mapping[str, Any]) -> Limits:
    """Return the limits of a container of a spec.

    Compilers write every limit as a number and, since kfp 2.10, as a quantity beside it
    (kubeflow/pipelines#11374); the numbers are read here.

    Raises:
        RunError: there is only the other spelling: a limit is never left out in silence.
    """
    resources = container.get("resources", {})
    accelerator = resources.get("accelerator", {})
    cpu = _number(resources, "cpuLimit", "resourceCpuLimit")
    memory = _number(resources, "memoryLimit", "resourceMemoryLimit")
    count = _number(accelerator, "count", "resourceCount")
    return Limits(
        cpu=cpu or None,
        memory=round(memory * _BYTES_PER_GB) if memory else None,
        accelerators=int(count or 0),
        accelerator=str(accelerator.get("type") or accelerator.get("resourceType") or ""),
    )


def _number(said: Mapping[str, Any], key: str, other: str) -> float | None:
    if key not in said and said.get(other):
        raise RunError(
            f"pipeline spec: a container has {other} and no {key}: compile with kfp 2.11 or later"
        )
    try:
        return float(said[key]) if key in said else None
    except (TypeError, ValueError):
        raise RunError(f"pipeline spec: {key} {said[key]!r} is no number") from None
