"""What a job needs, as plain data, and the message of Vertex AI's API that asks for it.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs#PipelineJob
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kedro_vertexai.targets.vertex.client import Location

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest, PipelineJob

FailurePolicy = Literal["slow", "fast"]
_FAILURE_POLICIES: dict[FailurePolicy, str] = {
    "slow": "PIPELINE_FAILURE_POLICY_FAIL_SLOW",
    "fast": "PIPELINE_FAILURE_POLICY_FAIL_FAST",
}


@dataclass(frozen=True)
class DnsPeering:
    """A DNS suffix, and the project and network that know it."""

    domain: str
    target_project: str
    target_network: str


@dataclass(frozen=True)
class JobRequest:
    """A job that is to run, once or by a schedule; what is empty is not asked for."""

    spec: Mapping[str, Any]
    """The pipeline spec."""
    root: str
    """Where its artifacts go: `gs://bucket/prefix`."""
    display_name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    """Parameter values of this job, in the form of the spec's inputs."""
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str = ""
    """Its e-mail address; the project's default without."""
    network: str = ""
    """Full name of a VPC network that the tasks are peered with."""
    reserved_ip_ranges: tuple[str, ...] = ()
    """Names of ranges of that network."""
    network_attachment: str = ""
    """Of Private Service Connect: instead of a peered network."""
    dns_peerings: tuple[DnsPeering, ...] = ()
    """What tasks resolve through that attachment."""
    encryption_key: str = ""
    """Full name of a key of Cloud KMS."""
    failure_policy: FailurePolicy = "slow"
    template_uri: str = ""
    """Where the spec was published, if it was."""
    preflight_validations: bool = False
    """Whether the service checks components before it takes the job."""


def pipeline_job(request: JobRequest) -> PipelineJob:
    """The job as a message, for `create_request` or inside of a schedule."""
    from google.cloud.aiplatform_v1.types import (
        DnsPeeringConfig,
        EncryptionSpec,
        PipelineFailurePolicy,
        PipelineJob,
        PscInterfaceConfig,
    )
    from google.protobuf import json_format

    policy = _FAILURE_POLICIES[request.failure_policy]
    job = PipelineJob(
        display_name=request.display_name,
        labels=dict(request.labels),
        runtime_config=PipelineJob.RuntimeConfig(
            gcs_output_directory=request.root,
            failure_policy=getattr(PipelineFailurePolicy, policy),
        ),
        service_account=request.service_account,
        network=request.network,
        reserved_ip_ranges=list(request.reserved_ip_ranges),
        template_uri=request.template_uri,
        preflight_validations=request.preflight_validations,
    )
    if request.encryption_key:
        job.encryption_spec = EncryptionSpec(kms_key_name=request.encryption_key)
    if request.network_attachment:
        job.psc_interface_config = PscInterfaceConfig(
            network_attachment=request.network_attachment,
            dns_peering_configs=[
                DnsPeeringConfig(**asdict(peering)) for peering in request.dns_peerings
            ],
        )
    # The wrapper converts a dictionary many times slower than protobuf's own reader.
    message = PipelineJob.pb(job)
    json_format.ParseDict(dict(request.spec), message.pipeline_spec)
    for key, value in request.values.items():
        json_format.ParseDict(value, message.runtime_config.parameter_values[key])
    return job


def create_request(
    location: Location, job_id: str, request: JobRequest
) -> CreatePipelineJobRequest:
    """Ask for a job under an id."""
    from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest

    return CreatePipelineJobRequest(
        parent=location.parent, pipeline_job=pipeline_job(request), pipeline_job_id=job_id
    )


def as_json(request: CreatePipelineJobRequest) -> dict[str, Any]:
    """The request as data: `pipelineJob` is what is sent, the rest stands in the URL."""
    from google.protobuf import json_format

    message = type(request).pb(request)
    data: dict[str, Any] = json_format.MessageToDict(message)
    return data
