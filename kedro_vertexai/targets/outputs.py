"""What a job of any target has made, as its artifacts tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatasetOutput:
    """A dataset that a task made.

    `uri` is where it lies: an absolute path for a job on this machine. A persistent one is in a
    file that the job wrote; a reference stays where its dataset keeps it; any other only passed
    between tasks, or was read. An absent one was saved nowhere, an empty one is a directory
    without files, which an object store cannot hold.
    """

    dataset: str
    uri: str
    is_persistent: bool
    is_absent: bool = False
    is_empty: bool = False
    is_reference: bool = False

    @property
    def is_result(self) -> bool:
        """Whether it outlasts the job, and so is shown as what the job has made."""
        return (self.is_persistent or self.is_reference) and not self.is_absent

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
            is_reference=bool(metadata.get("reference")),
        )


@dataclass(frozen=True)
class JobOutputs:
    """The datasets of one job in the order in which its tasks made them."""

    job: str
    state: str
    outputs: tuple[DatasetOutput, ...]
