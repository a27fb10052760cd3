"""What a job of any target has made, as its artifacts tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatasetOutput:
    """A dataset that a task made.

    `uri` is where it lies: an absolute path for a job on this machine. One that is not
    persistent only passed between tasks. An absent one was saved nowhere, an empty one is a
    directory without files, which an object store cannot hold.
    """

    dataset: str
    uri: str
    is_persistent: bool
    is_absent: bool = False
    is_empty: bool = False

    @classmethod
    def of(cls, uri: str, metadata: Mapping[str, Any]) -> DatasetOutput | None:
        """Read what the runtime wrote about an artifact; None if it is no dataset of ours."""
        dataset = metadata.get("dataset")
        if not isinstance(dataset, str):
            return None
        return cls(
            dataset=dataset,
            uri=uri,
            # The runtime tells a path of what the catalog keeps in a file.
            is_persistent=bool(metadata.get("path")),
            # Kubeflow keeps true as 1.
            is_absent=bool(metadata.get("absent")),
            is_empty=bool(metadata.get("empty")),
        )


@dataclass(frozen=True)
class JobOutputs:
    """The datasets of one job in the order in which its tasks made them."""

    job: str
    state: str
    outputs: tuple[DatasetOutput, ...]
