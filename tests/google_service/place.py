"""The project and region that the service is for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from google_service.errors import GoogleError, permission_denied

API = "aiplatform.googleapis.com"


@dataclass(frozen=True)
class Place:
    """Google writes its number where a client writes the project's id."""

    project_id: str = "my-project"
    project_number: str = "123456789012"
    region: str = "europe-west1"

    @property
    def parent(self) -> str:
        return f"projects/{self.project_number}/locations/{self.region}"

    def check(self, names: Mapping[str, str], permission: str = "pipelineJobs.get") -> None:
        """Refuse a request about another project or region.

        Raises:
            GoogleError: it is another.
        """
        if not self.is_project(names["project"]):
            resource = f"projects/{names['project']}/locations/{names['location']}"
            raise permission_denied(f"aiplatform.{permission}", resource, API)
        if names["location"] != self.region:
            raise GoogleError(
                400,
                "The provided location ID doesn't match the endpoint. The valid location ID is "
                f"`{self.region}`.",
            )

    def is_project(self, name: str) -> bool:
        return name in (self.project_id, self.project_number)


def new_number() -> str:
    """An id as Google makes them."""
    return str(10**18 + secrets.randbelow(8 * 10**18))
