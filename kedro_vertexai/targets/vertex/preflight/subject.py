"""What a pre-flight looks at: a job as it would be submitted, in plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.targets.vertex.spec_tasks import spec_tasks


@dataclass(frozen=True)
class Subject:
    """A job, or the job that a schedule would start.

    Args:
        spec: the pipeline spec.
        root: run root, `gs://BUCKET/...`.
        service_account: whose rights the tasks have; the project's default without.
        values: parameter values of the job, by the names of the spec's inputs.
        labels: of the job.
        display_name: of the job.
        uploads: whether this command writes under the root before it submits.
        apis: services that the tasks use, beside those that every job needs.
    """

    spec: Mapping[str, Any]
    root: str
    service_account: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    display_name: str = ""
    uploads: bool = False
    apis: tuple[str, ...] = ()

    @property
    def bucket(self) -> str:
        """The name of the root's bucket."""
        return self.root.removeprefix("gs://").partition("/")[0]

    @property
    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The containers of the spec by their executor's label."""
        for label, executor in self.spec.get("deploymentSpec", {}).get("executors", {}).items():
            if "container" in executor:
                yield label, executor["container"]

    @property
    def images(self) -> tuple[str, ...]:
        """Every image of the spec, once."""
        images = (container.get("image", "") for _, container in self.containers)
        return tuple(dict.fromkeys(filter(None, images)))

    def readers(self, label: str) -> list[str]:
        """The tasks that an executor's container runs, as the spec names them."""
        return [
            name
            for name, _, component in spec_tasks(self.spec)
            if component.get("executorLabel") == label
        ]
