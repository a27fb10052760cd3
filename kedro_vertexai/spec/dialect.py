"""What engines read differently, as facts with their sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One engine's reading of the KFP pipeline spec.

    `accelerator_resource` is what it calls every accelerator; empty where it takes the type
    that the user names in Vertex AI's words.
    """

    name: str
    accelerator_resource: str = ""

    def accelerator(self, type_: str) -> str:
        """This engine's name for an accelerator type."""
        return self.accelerator_resource or type_


# Accelerator types are Vertex AI's own names:
# https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
VERTEX = Dialect("vertex")

# An accelerator is a Kubernetes extended resource there, whatever the card:
# https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
KUBEFLOW = Dialect("kubeflow", accelerator_resource="nvidia.com/gpu")

DIALECTS = {dialect.name: dialect for dialect in (VERTEX, KUBEFLOW)}
