"""What engines read differently, as facts with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dialect:
    """One engine's reading of the KFP pipeline spec.

    `accelerator_resource` is the Kubernetes resource of an accelerator type that the user
    names in Vertex AI's words; the type itself where the mapping has none.
    """

    name: str
    accelerator_resources: Mapping[str, str] = field(default_factory=dict)
    default_accelerator_resource: str = ""

    def accelerator(self, type_: str) -> str:
        """This engine's name for an accelerator type."""
        return self.accelerator_resources.get(type_, self.default_accelerator_resource or type_)


# Accelerator types are Vertex AI's own names:
# https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
VERTEX = Dialect("vertex")

# An accelerator is a Kubernetes extended resource there, whatever the card:
# https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
KUBEFLOW = Dialect("kubeflow", default_accelerator_resource="nvidia.com/gpu")

DIALECTS = {dialect.name: dialect for dialect in (VERTEX, KUBEFLOW)}
