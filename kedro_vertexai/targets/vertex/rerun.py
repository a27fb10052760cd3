"""A job's own request, to be sent once more with other parameter values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

# What Vertex AI adds to a job: aiplatform_v1.types.PipelineJob, "Output only".
_OUTPUT_ONLY = (
    "name",
    "create_time",
    "start_time",
    "end_time",
    "update_time",
    "state",
    "job_detail",
    "error",
    "template_metadata",
    "schedule_name",
)
# Labels that Vertex AI sets itself: https://cloud.google.com/vertex-ai/docs/pipelines/labels
_RESERVED = "vertex-ai-"


def request_again(job: PipelineJob, values: Mapping[str, Any]) -> PipelineJob:
    """The same request: spec, service account, network, key, labels, and everything else.

    Args:
        job: as the API gives it.
        values: of those parameters that change, in the form of the spec's inputs.
    """
    from google.cloud.aiplatform_v1.types import PipelineJob as Message
    from google.protobuf.json_format import ParseDict
    from google.protobuf.struct_pb2 import Value

    again = Message.pb(Message())
    again.CopyFrom(Message.pb(job))
    for name in _OUTPUT_ONLY:
        again.ClearField(name)
    for key in [key for key in again.labels if key.startswith(_RESERVED)]:
        del again.labels[key]
    for key, value in values.items():
        again.runtime_config.parameter_values[key].CopyFrom(ParseDict(value, Value()))
    return Message(again)


def spec_of(job: PipelineJob) -> dict[str, Any]:
    """The pipeline spec of a job, as plain data. Its numbers are floats."""
    from google.cloud.aiplatform_v1.types import PipelineJob as Message
    from google.protobuf.json_format import MessageToDict

    spec: dict[str, Any] = MessageToDict(Message.pb(job).pipeline_spec)
    return spec


def values_of(job: PipelineJob) -> dict[str, Any]:
    """The parameter values of a job, as plain data. Their numbers are floats."""
    from google.cloud.aiplatform_v1.types import PipelineJob as Message
    from google.protobuf.json_format import MessageToDict

    values = Message.pb(job).runtime_config.parameter_values
    return {key: MessageToDict(value) for key, value in values.items()}
