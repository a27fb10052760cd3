"""The service account whose rights the tasks have: it exists, and this user may use it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.preflight.asking import ask, caller, held_permissions
from kedro_vertexai.targets.vertex.preflight.finding import (
    Finding,
    UncheckedError,
    command,
    error,
)
from kedro_vertexai.targets.vertex.preflight.subject import Subject

_ACT_AS = "iam.serviceAccounts.actAs"
# Of accounts that Google makes, and nobody else can.
_DEFAULT_HOST = "developer.gserviceaccount.com"


def check_service_account(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """Findings about the configured account, or about the one that Vertex AI takes without.

    Raises:
        UncheckedError: IAM does not tell.
    """
    account = subject.service_account
    if account and "@" not in account:
        yield error(
            f"run_config.service_account '{account}' is no address of a service account",
            f"write {account}@{clients.location.project_id}.iam.gserviceaccount.com",
        )
        return
    address = account or default_account(clients)
    answer = ask(clients, _url(address))
    if not answer.found:
        yield _missing(clients, address)
        return
    if answer.body.get("disabled"):
        yield error(f"service account {address} is disabled", _gcloud("enable", address))
    held = held_permissions(
        ask(clients, f"{_url(address)}:testIamPermissions", body={"permissions": [_ACT_AS]})
    )
    if _ACT_AS not in held:
        binding = (address, f"--member={caller(clients)}", "--role=roles/iam.serviceAccountUser")
        yield error(
            f"you may not run jobs as {address} ({_ACT_AS})",
            _gcloud("add-iam-policy-binding", *binding),
        )


def default_account(clients: GoogleClients) -> str:
    """The account of a job that names none: Compute Engine's.

    https://cloud.google.com/vertex-ai/docs/pipelines/configure-project#service-account

    Raises:
        UncheckedError: the project's number, a part of it, cannot be read.
    """
    base = endpoint("cloudresourcemanager", "https://cloudresourcemanager.googleapis.com")
    project = clients.location.project_id
    number = ask(clients, f"{base}/v1/projects/{project}").body.get("projectNumber")
    if not number:
        raise UncheckedError(f"project {project} is not found, or you may not see it")
    return f"{number}-compute@{_DEFAULT_HOST}"


def _url(address: str) -> str:
    """https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts."""
    base = endpoint("iam", "https://iam.googleapis.com")
    return f"{base}/v1/projects/-/serviceAccounts/{quote(address, safe='@')}"


def _missing(clients: GoogleClients, address: str) -> Finding:
    name, _, host = address.partition("@")
    if host == _DEFAULT_HOST:
        return error(
            f"the default service account {address} does not exist",
            "set run_config.service_account to one of yours",
        )
    project = host.partition(".")[0] or clients.location.project_id
    return error(
        f"service account {address} does not exist",
        _gcloud("create", name, f"--project={project}"),
    )


def _gcloud(*words: str) -> str:
    return command("gcloud", "iam", "service-accounts", *words)
