"""Google Cloud Build: images built from an archive in Cloud Storage.

https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.vertex.client import TIMEOUT, GoogleClients, endpoint
from kedro_vertexai.targets.vertex.errors import google_errors
from kedro_vertexai.targets.vertex.retry import retried

if TYPE_CHECKING:
    from requests import Response

SERVICE = "Cloud Build"
# https://cloud.google.com/build/docs/cloud-builders
_BUILDER = "gcr.io/cloud-builders/docker"
# https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#status
_RUNNING = frozenset({"STATUS_UNKNOWN", "PENDING", "QUEUED", "WORKING"})
_SUCCESS = "SUCCESS"
_WAITS = (0.5, 1.0, 2.0)  # seconds between the first looks at a build
_LONGEST_WAIT = 5.0  # seconds between the others


@dataclass(frozen=True)
class Build:
    """A build as Cloud Build tells of it."""

    id: str
    log_url: str
    status: str
    digests: Mapping[str, str]
    """By image with its tag, `sha256:...`; of a build that succeeded."""
    reason: str = ""
    """Why it failed, in the service's own words."""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status in _RUNNING


def start_build(clients: GoogleClients, source: str, image: str, platform: str) -> Build:
    """Have the Dockerfile of an archive built and pushed.

    Args:
        clients: of the project that builds.
        source: the archive, `gs://BUCKET/OBJECT.tar.gz`.
        image: name and tag.
        platform: of the image, as `linux/amd64`.

    Raises:
        RunError: there is no such build, as far as can be told.
    """
    bucket, _, name = source.removeprefix("gs://").partition("/")
    # Cloud Build replaces $NAME in these; no name of an image has a `$`.
    arguments = ["build", "--platform", platform, "--tag", image, "."]
    body = {
        "source": {"storageSource": {"bucket": bucket, "object": name}},
        "steps": [{"name": _BUILDER, "args": arguments}],
        "images": [image],
    }
    with google_errors(clients.location, SERVICE):
        url = _builds(clients)
        answer = clients.session_for(url).post(url, json=body, timeout=TIMEOUT)
        return _build(_content(answer).get("metadata", {}).get("build", {}))


def wait_for(clients: GoogleClients, build: Build) -> Build:
    """The build when it has ended.

    Raises:
        RunError: Cloud Build no longer tells of it, for minutes.
    """
    waits: Iterator[float] = chain(_WAITS, repeat(_LONGEST_WAIT))
    while build.is_running:
        time.sleep(next(waits))
        build = _look(clients, build.id)
    return build


def digest_of(build: Build, image: str) -> str:
    """The digest under which a build has pushed an image.

    Raises:
        RunError: it has not.
    """
    if build.status != _SUCCESS:
        reason = f" ({build.reason})" if build.reason else ""
        raise RunError(
            f"{SERVICE} did not build {image}: the build ended as {build.status}{reason}, "
            f"its log is at {build.log_url}"
        )
    if image not in build.digests:
        raise RunError(f"{SERVICE} does not say which digest {image} has: see {build.log_url}")
    return build.digests[image]


def _look(clients: GoogleClients, build_id: str) -> Build:
    url = f"{_builds(clients)}/{build_id}"

    def ask() -> Build:
        return _build(_content(clients.session_for(url).get(url, timeout=TIMEOUT)))

    with google_errors(clients.location, SERVICE):
        return retried(ask)


def _builds(clients: GoogleClients) -> str:
    base = endpoint("cloudbuild", "https://cloudbuild.googleapis.com")
    return f"{base}/v1/projects/{clients.location.project_id}/builds"


def _content(response: Response) -> Mapping[str, Any]:
    from google.api_core.exceptions import from_http_response

    if response.status_code >= 400:
        raise from_http_response(response)  # type: ignore[no-untyped-call]
    content = response.json()
    return content if isinstance(content, dict) else {}


def _build(content: Mapping[str, Any]) -> Build:
    failure = content.get("failureInfo") or {}
    images = (content.get("results") or {}).get("images") or ()
    return Build(
        id=str(content.get("id", "")),
        log_url=str(content.get("logUrl", "")),
        status=str(content.get("status", "STATUS_UNKNOWN")),
        digests={str(one["name"]): str(one["digest"]) for one in images if one.get("digest")},
        reason=" ".join(str(failure.get("detail") or content.get("statusDetail", "")).split()),
    )
