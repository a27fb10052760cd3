"""What engines read differently, as facts with their sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """One engine's reading of the KFP pipeline spec.

    `accelerator_resource` is what it calls every accelerator; empty where it takes the type
    that the user names in Vertex AI's words. `reference_schemes` are those of the URIs that an
    artifact may have though they lie outside of the run's root.
    """

    name: str
    accelerator_resource: str = ""
    reference_schemes: frozenset[str] = frozenset()

    def accelerator(self, type_: str) -> str:
        """This engine's name for an accelerator type."""
        return self.accelerator_resource or type_

    def shows(self, uri: str) -> bool:
        """Whether a reference to this place can be an artifact."""
        return uri.partition("://")[0] in self.reference_schemes


# Accelerator types are Vertex AI's own names:
# https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
# An artifact there is a record with a URI, under which nothing is looked for; these are the
# schemes that its pages know: https://cloud.google.com/vertex-ai/docs/ml-metadata/tracking
VERTEX = Dialect("vertex", reference_schemes=frozenset({"gs", "bq", "https"}))

# An accelerator is a Kubernetes extended resource there, whatever the card:
# https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
# No reference is an artifact: the launcher downloads each input at gs://, s3:// and minio://
# before the task starts, and fails a task whose output lies there outside of the run's root:
# https://github.com/kubeflow/pipelines/blob/master/backend/src/v2/component/launcher_v2.go
KUBEFLOW = Dialect("kubeflow", accelerator_resource="nvidia.com/gpu")

DIALECTS = {dialect.name: dialect for dialect in (VERTEX, KUBEFLOW)}
