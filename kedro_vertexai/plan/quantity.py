"""Kubernetes quantities, in which users and engines state CPU and memory."""

from __future__ import annotations

import re

from kedro_vertexai.errors import PlanError

# Binary and decimal suffixes of Kubernetes quantities:
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_SUFFIXES = {
    "m": 1e-3,
    "": 1.0,
    **{unit: 1000.0 ** (i + 1) for i, unit in enumerate(("k", "M", "G", "T", "P", "E"))},
    **{unit: 1024.0 ** (i + 1) for i, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))},
    "K": 1000.0,
}
_QUANTITY = re.compile(r"([0-9.]+)([A-Za-z]*)")


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number: 0.5 for "500m", 4294967296 for "4Gi"."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in _SUFFIXES:
        raise PlanError(f"'{text}' is not a Kubernetes quantity such as 500m, 2 or 4Gi")
    return float(match[1]) * _SUFFIXES[match[2]]
