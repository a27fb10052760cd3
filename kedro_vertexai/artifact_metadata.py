"""The metadata of our artifacts: keys that tasks read back, and room for what people read.

An engine hands a task the metadata of all its inputs inside one argument, which Linux caps at
128 KiB, so what is only told to people has a limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# What a task (or `pull`) relies on; nothing of the user's may have these names.
RESERVED = frozenset(
    {
        "absent",
        "bytes",
        "checksum",
        "compression",
        "dataset",
        "empty",
        "files",
        "format",
        "path",
        "reference",
        "type",
        "version",
    }
)
# Bytes, as JSON, of what is told of one artifact where few go to a task.
ROOM = 4_000


def beside_ours(facts: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """The facts under names that none of ours has: `x.files` for the `files` of dataset `x`."""
    return {f"{dataset}.{key}" if key in RESERVED else key: value for key, value in facts.items()}


def fitted(facts: Mapping[str, Any], room: int) -> dict[str, Any]:
    """As many of the facts, in their order, as fit into `room` bytes; `cut` tells of the rest.

    A nested mapping, such as a table's schema, is cut inside.
    """
    kept: dict[str, Any] = {}
    cut = 0
    for key, value in facts.items():
        size = len(json.dumps({key: value}, default=str))
        if size <= room:
            kept[key] = value
            room -= size
        elif isinstance(value, Mapping) and room > len(key) + 50:
            kept[key] = fitted(value, room - len(key) - 10)
            room = 0
        else:
            cut += 1
    return {**kept, "cut": cut} if cut else kept
