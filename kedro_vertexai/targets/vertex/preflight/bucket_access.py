"""Whether the job's service account can write to the bucket, as far as policies tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.preflight.asking import ask
from kedro_vertexai.targets.vertex.preflight.bucket import bucket_url, grant
from kedro_vertexai.targets.vertex.preflight.finding import Finding, UncheckedError, warning
from kedro_vertexai.targets.vertex.preflight.service_account import default_account
from kedro_vertexai.targets.vertex.preflight.subject import Subject

# Predefined roles with storage.objects.create and storage.objects.get, for a bucket or for all
# of a project's: https://cloud.google.com/storage/docs/access-control/iam-roles
_WRITERS = frozenset(
    {
        "roles/storage.admin",
        "roles/storage.objectAdmin",
        "roles/storage.objectUser",
        "roles/storage.legacyBucketOwner",
    }
)
# Basic roles reach a bucket through its own policy, where the project's editors are a member.
_BASIC = {"roles/owner": "projectOwner", "roles/editor": "projectEditor"}


def check_bucket_access(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """A warning unless a policy shows that the service account, the default one too, may write.

    There is no way to ask for another account's permissions without becoming it, and a policy
    shows neither what a group's members nor what a folder above the project grants.

    Raises:
        UncheckedError: a policy cannot be read.
    """
    bucket = subject.bucket
    if not subject.root.startswith("gs://"):
        return
    account = subject.service_account or default_account(clients)
    try:
        answer = ask(clients, f"{bucket_url(bucket)}/iam", {"optionsRequestedPolicyVersion": 3})
        if not answer.found:
            return
        if _grants(answer.body, account):
            return
        project = _project_policy(clients)
    except UncheckedError as reason:
        raise UncheckedError(f"it needs storage.objects.create; {reason}") from reason
    if _grants(project, account) or _grants_as_basic(answer.body, project, account):
        return
    yield warning(
        f"no policy of bucket gs://{bucket} or project {clients.location.project_id} shows that "
        f"{account} may write there; unless a group, a custom role or a folder lets it",
        grant(bucket, f"serviceAccount:{account}"),
    )


def _project_policy(clients: GoogleClients) -> Mapping[str, Any]:
    base = endpoint("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com")
    url = f"{base}/v1/projects/{clients.location.project_id}:getIamPolicy"
    return ask(clients, url, body={"options": {"requestedPolicyVersion": 3}}).body


def _grants(policy: Mapping[str, Any], account: str) -> bool:
    return any(
        binding.get("role") in _WRITERS and f"serviceAccount:{account}" in binding["members"]
        for binding in policy.get("bindings", ())
    )


def _grants_as_basic(bucket: Mapping[str, Any], project: Mapping[str, Any], account: str) -> bool:
    """Whether the account has a basic role that the bucket's policy still honours."""
    member = f"serviceAccount:{account}"
    kinds = {
        _BASIC[binding["role"]]
        for binding in project.get("bindings", ())
        if binding.get("role") in _BASIC and member in binding["members"]
    }
    return any(
        name.partition(":")[0] in kinds
        for binding in bucket.get("bindings", ())
        for name in binding["members"]
    )
