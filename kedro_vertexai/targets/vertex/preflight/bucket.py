"""The bucket of the run root: it exists, lies near the job, and takes what is staged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from kedro_vertexai.targets.vertex.client import GoogleClients, endpoint
from kedro_vertexai.targets.vertex.preflight.asking import ask, caller, held_permissions
from kedro_vertexai.targets.vertex.preflight.finding import Finding, command, error, warning
from kedro_vertexai.targets.vertex.preflight.subject import Subject

# https://cloud.google.com/storage/docs/locations: multi-regions by what their regions' names
# start with; the EU's has only regions of member states.
_MULTI_REGIONS = {"US": "us-", "EU": "europe-", "ASIA": "asia-"}
_OUTSIDE_OF_EU = frozenset({"europe-west2", "europe-west6"})
_DUAL_REGIONS = {
    "ASIA1": ("asia-northeast1", "asia-northeast2"),
    "EUR4": ("europe-north1", "europe-west4"),
    "EUR5": ("europe-west1", "europe-west2"),
    "EUR7": ("europe-west2", "europe-west3"),
    "EUR8": ("europe-west3", "europe-west6"),
    "NAM4": ("us-central1", "us-east1"),
}
_UPLOAD = ("storage.objects.create", "storage.objects.get", "storage.objects.list")


def check_bucket(clients: GoogleClients, subject: Subject) -> Iterator[Finding]:
    """Findings about the bucket itself, and about this user's rights in it.

    Raises:
        UncheckedError: Cloud Storage does not tell.
    """
    name, location = subject.bucket, clients.location
    if not subject.root.startswith("gs://") or not name:
        yield error(
            f"run_config.root is '{subject.root}', which is no place in Cloud Storage",
            "write it as root: BUCKET/PREFIX",
        )
        return
    fields = "name,location,locationType,customPlacementConfig"
    answer = ask(clients, bucket_url(name), {"fields": fields})
    if not answer.found:
        place = (f"--project={location.project_id}", f"--location={location.region}")
        yield error(
            f"bucket gs://{name} of run_config.root does not exist",
            command("gcloud", "storage", "buckets", "create", f"gs://{name}", *place),
        )
        return
    if not _holds(answer.body, location.region):
        # Vertex AI takes it all the same.
        yield warning(
            f"bucket gs://{name} is in {str(answer.body.get('location')).lower()}, the job runs in "
            f"{location.region}: each dataset crosses regions, which is slow and is charged"
        )
    if subject.uploads:
        yield from _check_uploads(clients, name)


def bucket_url(name: str) -> str:
    """A bucket in the JSON API: https://cloud.google.com/storage/docs/json_api/v1/buckets."""
    return f"{_storage()}/storage/v1/b/{quote(name, safe='')}"


def _storage() -> str:
    """Where Cloud Storage answers: an emulator where Google's own clients take it for one."""
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    # gcloud's own setting holds the version, too.
    setting = endpoint("storage", emulator or "https://storage.googleapis.com")
    return setting.removesuffix("/storage/v1")


def _holds(bucket: Mapping[str, Any], region: str) -> bool:
    """Whether the bucket's data lie in a region."""
    place = str(bucket.get("location", "")).upper()
    chosen = bucket.get("customPlacementConfig", {}).get("dataLocations", ())
    if chosen:
        return region.upper() in chosen
    if place in _DUAL_REGIONS:
        return region in _DUAL_REGIONS[place]
    if place == "EU" and region in _OUTSIDE_OF_EU:
        return False
    if place in _MULTI_REGIONS:
        return region.startswith(_MULTI_REGIONS[place])
    return place == region.upper()


def _check_uploads(clients: GoogleClients, name: str) -> Iterator[Finding]:
    url = f"{bucket_url(name)}/iam/testPermissions"
    held = held_permissions(ask(clients, url, {"permissions": list(_UPLOAD)}))
    missing = [permission for permission in _UPLOAD if permission not in held]
    if missing:
        yield error(
            f"you may not upload inputs to gs://{name} ({', '.join(missing)})",
            grant(name, caller(clients)),
        )


def grant(name: str, member: str) -> str:
    """The command that lets a member read and write a bucket's objects."""
    binding = (f"gs://{name}", f"--member={member}", "--role=roles/storage.objectUser")
    return command("gcloud", "storage", "buckets", "add-iam-policy-binding", *binding)
