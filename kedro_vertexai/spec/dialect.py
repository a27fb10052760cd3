"""What engines read differently, as facts with their sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One engine's reading of the KFP pipeline spec.

    `accelerator_resource` is what it calls every accelerator; empty where it takes the type
    that the user names in Vertex AI's words. `references` says whether an artifact may lie
    anywhere, and be nothing but a record of where.
    """

    name: str
    accelerator_resource: str = ""
    references: bool = False

    def accelerator(self, type_: str) -> str:
        """This engine's name for an accelerator type."""
        return self.accelerator_resource or type_


# Accelerator types are Vertex AI's own names:
# https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
# An artifact there is a record, whose URI may be any:
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.metadataStores.artifacts
VERTEX = Dialect("vertex", references=True)

# An accelerator is a Kubernetes extended resource there, whatever the card:
# https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
# No reference is an artifact: the launcher downloads each input at gs://, s3:// and minio://
# before the task starts, and fails a task whose output lies there outside of the run's root:
# https://github.com/kubeflow/pipelines/blob/master/backend/src/v2/component/launcher_v2.go
KUBEFLOW = Dialect("kubeflow", accelerator_resource="nvidia.com/gpu")

DIALECTS = {dialect.name: dialect for dialect in (VERTEX, KUBEFLOW)}
