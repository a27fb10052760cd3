"""KFP's executor input, the one argument that tells a task its inputs and where outputs go.

https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
(`ExecutorInput`, `ExecutorOutput`)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kedro_vertexai.errors import TaskError

# Where Vertex AI mounts a bucket, and where Kubeflow's launcher downloads an artifact to:
# https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system
# https://github.com/kubeflow/pipelines/blob/master/backend/src/v2/component/launcher_v2.go
_MOUNTS = {"gs": "/gcs", "s3": "/s3", "minio": "/minio", "oci": "/oci"}


@dataclass(frozen=True)
class ArtifactRef:
    """One artifact as the engine hands it over; `path` is where its bytes are on this machine."""

    name: str
    uri: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return local_path(self.uri)


@dataclass(frozen=True)
class OutputFacts:
    """What a task says of one output: its metadata, and its URI where the engine's is not it."""

    metadata: Mapping[str, Any]
    uri: str = ""


@dataclass(frozen=True)
class ExecutorInput:
    """The parsed executor input of one task.

    `parameter_files` maps an output parameter to the file that its value is written to;
    `output_file` is where the executor output goes.
    """

    parameters: Mapping[str, Any]
    inputs: Mapping[str, ArtifactRef]
    outputs: Mapping[str, ArtifactRef]
    parameter_files: Mapping[str, Path]
    output_file: Path | None

    @classmethod
    def parse(cls, text: str) -> ExecutorInput:
        """Read the JSON that engines put in place of `{{$}}`.

        Raises:
            TaskError: it is no executor input.
        """
        try:
            document = json.loads(text)
            inputs, outputs = document.get("inputs", {}), document.get("outputs", {})
            output_file = outputs.get("outputFile")
            return cls(
                parameters=inputs.get("parameterValues", {}),
                inputs=_artifacts(inputs),
                outputs=_artifacts(outputs),
                parameter_files={
                    key: Path(value["outputFile"])
                    for key, value in outputs.get("parameters", {}).items()
                },
                output_file=Path(output_file) if output_file else None,
            )
        except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
            raise TaskError(f"the task's argument is no KFP executor input: {error}") from error

    def write_output(self, outputs: Mapping[str, OutputFacts]) -> None:
        """Tell the engine what the output artifacts are, by artifact key."""
        if self.output_file is None:
            return
        artifacts = {
            key: {
                "artifacts": [
                    {
                        "name": self.outputs[key].name,
                        "uri": facts.uri or self.outputs[key].uri,
                        "metadata": dict(facts.metadata),
                    }
                ]
            }
            for key, facts in outputs.items()
        }
        self.output_file.parent.mkdir(parents=True, exist_ok=True)
        self.output_file.write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")

    def write_parameter(self, key: str, value: str) -> None:
        """Hand an output parameter over."""
        file = self.parameter_files[key]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value, encoding="utf-8")


def local_path(uri: str) -> Path:
    """Where an artifact's bytes are on this machine.

    What follows the protocol is a name, not a URL: `%`, `#` and `?` stand for themselves.

    Raises:
        TaskError: the engine gives a URI of a protocol that it does not mount.
    """
    scheme, separator, name = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme in _MOUNTS:
        return Path(f"{_MOUNTS[scheme]}/{name}")
    if scheme == "file":
        return Path(unquote(urlsplit(uri).path))
    raise TaskError(f"artifact URI {scheme}://... is not on a file system of this machine")


def _artifacts(side: Mapping[str, Any]) -> dict[str, ArtifactRef]:
    found = {}
    for key, value in side.get("artifacts", {}).items():
        first = value["artifacts"][0]
        found[key] = ArtifactRef(first.get("name", ""), first["uri"], first.get("metadata") or {})
    return found
