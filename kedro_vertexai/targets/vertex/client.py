"""Clients of Vertex AI and of the Google services beside it, for one project and region."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.aiplatform_v1 import (
        MetadataServiceClient,
        PipelineServiceClient,
        ScheduleServiceClient,
    )
    from requests import Session

# gcloud's own settings for another endpoint, as environment variables, one for each service:
# https://cloud.google.com/sdk/gcloud/reference/topic/configurations (api_endpoint_overrides)
_ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TIMEOUT = 60.0  # seconds for one request


@dataclass(frozen=True)
class Location:
    """A Google Cloud project and one of its regions."""

    project_id: str
    region: str

    @property
    def parent(self) -> str:
        """What the names of Vertex AI's resources begin with."""
        return f"projects/{self.project_id}/locations/{self.region}"

    def job(self, job_id: str) -> str:
        """The full name of a pipeline job."""
        return f"{self.parent}/pipelineJobs/{job_id}"


class GoogleClients:
    """Clients that share one set of credentials: the user's, as google-auth finds them.

    Each is made when it is first used: importing Vertex AI's takes seconds.

    Args:
        location: the project and region that they are asked about.
        timeout: seconds after which a submission, and the look at it, is taken for lost.
    """

    def __init__(self, location: Location, timeout: float = TIMEOUT) -> None:
        self.location = location
        self.timeout = timeout

    @cached_property
    def pipelines(self) -> PipelineServiceClient:
        """Pipeline jobs."""
        from google.cloud.aiplatform_v1 import PipelineServiceClient

        return PipelineServiceClient(**self._vertex_options())

    @cached_property
    def schedules(self) -> ScheduleServiceClient:
        """Schedules of pipeline jobs."""
        from google.cloud.aiplatform_v1 import ScheduleServiceClient

        return ScheduleServiceClient(**self._vertex_options())

    @cached_property
    def metadata(self) -> MetadataServiceClient:
        """Experiments."""
        from google.cloud.aiplatform_v1 import MetadataServiceClient

        return MetadataServiceClient(**self._vertex_options())

    @cached_property
    def session(self) -> Session:
        """For services of which no client is installed: requests that carry the user's token."""
        from google.auth.transport.requests import AuthorizedSession

        return AuthorizedSession(self.credentials)  # type: ignore[no-untyped-call]

    @cached_property
    def open_session(self) -> Session:
        """For a service at an endpoint that everybody can read: without a token."""
        import requests

        return requests.Session()

    @cached_property
    def credentials(self) -> Credentials:
        """The user's.

        Raises:
            google.auth.exceptions.DefaultCredentialsError: there are none.
        """
        import google.auth

        credentials, _ = google.auth.default(scopes=[_SCOPE])
        return credentials

    def session_for(self, url: str) -> Session:
        """What may ask at a URL: a token is never sent where everybody can read it."""
        return self.open_session if _is_open(url) else self.session

    def _vertex_options(self) -> dict[str, Any]:
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials

        url = endpoint("aiplatform", f"{self.location.region}-aiplatform.googleapis.com")
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return {
            "credentials": anonymous if _is_open(url) else self.credentials,
            "transport": "rest",
            "client_options": ClientOptions(api_endpoint=url),
        }


def endpoint(service: str, default: str) -> str:
    """Where a service answers: as gcloud's setting says, else at its own address.

    Args:
        service: gcloud's name of it, as `aiplatform`, `logging` or `artifactregistry`.
        default: its own address.
    """
    setting = os.environ.get(_ENDPOINT_VARIABLE.format(service=service.upper()))
    return (setting or default).rstrip("/")


def _is_open(url: str) -> bool:
    return url.startswith("http://")
