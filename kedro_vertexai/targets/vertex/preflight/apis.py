"""The Google Cloud APIs that a job needs are enabled in its project."""

from __future__ import annotations

from collections.abc import Iterator

from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.images import is_artifact_registry, parse_image
from kedro_vertexai.targets.vertex.names import resource_id
from kedro_vertexai.targets.vertex.preflight.asking import ask
from kedro_vertexai.targets.vertex.preflight.finding import (
    Finding,
    UncheckedError,
    command,
    error,
)
from kedro_vertexai.targets.vertex.preflight.subject import Subject

_ALWAYS = ("aiplatform.googleapis.com", "storage.googleapis.com")


def check_apis(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """One finding for all that are not enabled: one command enables them.

    Raises:
        UncheckedError: Service Usage does not tell.
    """
    project = clients.location.project_id
    names = [f"projects/{project}/services/{api}" for api in needed_apis(subject, project)]
    base = endpoint("serviceusage", "https://serviceusage.googleapis.com")
    # https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet
    answer = ask(clients, f"{base}/v1/projects/{project}/services:batchGet", {"names": names})
    if not answer.found:
        raise UncheckedError(f"project {project} is not found, or you may not see it")
    disabled = [
        resource_id(str(service["name"]))
        for service in answer.body.get("services", ())
        if service.get("state") == "DISABLED"
    ]
    if disabled:
        verb = "is" if len(disabled) == 1 else "are"
        yield error(
            f"{', '.join(disabled)} {verb} not enabled in project {project}",
            command("gcloud", "services", "enable", *disabled, f"--project={project}"),
        )


def needed_apis(subject: Subject, project: str) -> tuple[str, ...]:
    """Names of the services, Artifact Registry's only for an image of this project."""
    images = [parse_image(image) for image in subject.images]
    own = any(
        is_artifact_registry(image.host) and image.repository.startswith(f"{project}/")
        for image in images
    )
    registry = ("artifactregistry.googleapis.com",) if own else ()
    return tuple(dict.fromkeys([*_ALWAYS, *registry, *subject.apis]))
