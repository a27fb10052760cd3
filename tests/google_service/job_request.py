"""Reads and checks the request that makes a pipeline job.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/create
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import json_format

from google_service.errors import invalid
from google_service.messages import parse
from google_service.spec_check import check_spec, check_values

JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_LONGEST_DISPLAY_NAME = 128
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
# (labels); letters and digits of other languages are allowed.
_MOST_LABELS = 64
_LONGEST_LABEL = 64
_KMS_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_NETWORK = re.compile(r"projects/\d+/global/networks/[^/]+")
_SERVICE_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def read_job(body: Mapping[str, Any]) -> Any:
    """Return the `PipelineJob` message of a valid request.

    Raises:
        GoogleError: it is not valid.
    """
    job = PipelineJob.pb(PipelineJob())
    parse(body, job, "pipeline_job")
    check_job(job)
    return job


def check_job(job: Any) -> None:
    """Check what a message alone does not.

    Raises:
        GoogleError: it is not valid.
    """
    if len(job.display_name) > _LONGEST_DISPLAY_NAME:
        raise invalid(
            f"The display name must be at most {_LONGEST_DISPLAY_NAME} characters.",
            "pipeline_job.display_name",
        )
    _check_labels(job.labels)
    _check_references(job)
    if not job.runtime_config.gcs_output_directory.startswith("gs://"):
        raise invalid(
            "Required field gcs_output_directory must be a Cloud Storage path that starts with "
            f"gs://, not '{job.runtime_config.gcs_output_directory}'.",
            "pipeline_job.runtime_config.gcs_output_directory",
        )
    spec = json_format.MessageToDict(job.pipeline_spec)
    check_spec(spec)
    check_values(spec, parameter_values(job))


def parameter_values(job: Any) -> dict[str, Any]:
    values = json_format.MessageToDict(job.runtime_config).get("parameterValues", {})
    return dict(values)


def check_job_id(job_id: str) -> None:
    """Refuse an id that cannot be the last part of a name.

    Raises:
        GoogleError: it cannot.
    """
    if not JOB_ID.fullmatch(job_id):
        raise invalid(
            f"Invalid resource ID '{job_id}'. The ID must match /^[a-z][-a-z0-9]{{0,127}}$/.",
            "pipeline_job_id",
        )


def _check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > _MOST_LABELS:
        raise invalid(f"There can be at most {_MOST_LABELS} labels.", "pipeline_job.labels")
    for key, value in labels.items():
        if not _is_label(key) or not key[0].isalpha():
            raise invalid(f"Invalid label key '{key}'.", "pipeline_job.labels")
        if value and not _is_label(value):
            raise invalid(f"Invalid value '{value}' of label '{key}'.", "pipeline_job.labels")


def _is_label(text: str) -> bool:
    """Letters that are not upper case, digits, `_` and `-`."""
    return 0 < len(text) <= _LONGEST_LABEL and all(
        character in "_-" or (character.isalnum() and not character.isupper()) for character in text
    )


def _check_references(job: Any) -> None:
    key = job.encryption_spec.kms_key_name
    if key and not _KMS_KEY.fullmatch(key):
        raise invalid(f"Invalid KMS key name '{key}'.", "pipeline_job.encryption_spec.kms_key_name")
    if job.network and not _NETWORK.fullmatch(job.network):
        raise invalid(
            f"Invalid network '{job.network}': it must have the form "
            "projects/{project_number}/global/networks/{network}.",
            "pipeline_job.network",
        )
    if job.service_account and not _SERVICE_ACCOUNT.fullmatch(job.service_account):
        raise invalid(
            f"Invalid service account '{job.service_account}'.", "pipeline_job.service_account"
        )
