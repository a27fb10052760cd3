"""A Google Cloud project around the jobs: its APIs, service accounts, policies and buckets.

Service Usage, IAM, Resource Manager, and what Cloud Storage tells of a bucket itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google_service.errors import GoogleError
from google_service.web import Request, Route

Binding = Mapping[str, Any]


@dataclass
class CloudBucket:
    """What is known of a bucket beside its objects."""

    location: str = "EUROPE-WEST1"
    location_type: str = "region"
    data_locations: tuple[str, ...] = ()
    bindings: list[Binding] = field(default_factory=list)


@dataclass
class CloudProject:
    """The project of the jobs, in which whoever asks may do everything that is not denied."""

    id: str = "my-project"
    number: str = "314159265358"
    disabled_apis: set[str] = field(default_factory=set)
    accounts: dict[str, bool] = field(default_factory=dict)
    """Service accounts by address; whether they are enabled."""
    bindings: list[Binding] = field(default_factory=list)
    is_open: bool = False
    """Whether every service account and bucket that is asked for exists, near the jobs."""
    buckets: dict[str, CloudBucket] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    """Permissions that the caller does not have."""
    accelerators: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"nvidia-tesla-t4": ("europe-west1-b", "us-central1-a")}
    )
    """The zones that have accelerators, by Compute Engine's names of those."""
    before_answer: dict[str, Callable[[], object]] = field(default_factory=dict)
    """What is done before a `bucket` or the `services` are told."""

    @property
    def default_account(self) -> str:
        """Compute Engine's."""
        return f"{self.number}-compute@developer.gserviceaccount.com"

    @property
    def _default_writes(self) -> Binding:
        member = f"serviceAccount:{self.default_account}"
        return {"role": "roles/storage.objectUser", "members": [member]}

    @property
    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v1/projects/{project}/services:batchGet", self._services),
            Route("GET", "/v1/projects/-/serviceAccounts/{account}", self._account),
            Route(
                "POST",
                "/v1/projects/-/serviceAccounts/{account}:testIamPermissions",
                self._test_account,
            ),
            Route("GET", "/v1/projects/{project}", self._project),
            Route("POST", "/v1/projects/{project}:getIamPolicy", self._policy),
            Route("GET", "/projects/{project}/aggregated/acceleratorTypes", self._accelerators),
            Route("GET", "/storage/v1/b/{bucket}", self._bucket),
            Route("GET", "/storage/v1/b/{bucket}/iam", self._bucket_policy),
            Route("GET", "/storage/v1/b/{bucket}/iam/testPermissions", self._test_bucket),
        ]

    def _services(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self.before_answer.get("services", bool)()
        self._must("serviceusage.services.get", f"project '{names['project']}'")
        self._named(names["project"])
        services = []
        for name in request.all("names"):
            api = name.rpartition("/")[2]
            state = "DISABLED" if api in self.disabled_apis else "ENABLED"
            services.append(
                {
                    "name": f"projects/{self.number}/services/{api}",
                    "config": {"name": api},
                    "state": state,
                    "parent": f"projects/{self.number}",
                }
            )
        return {"services": services}

    def _account(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        address = names["account"]
        self._must("iam.serviceAccounts.get", f"service account {address}")
        self._existing(address)
        found = {
            "name": f"projects/{self.id}/serviceAccounts/{address}",
            "projectId": self.id,
            "email": address,
        }
        return found if self.accounts.get(address, True) else {**found, "disabled": True}

    def _test_account(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._existing(names["account"])
        return self._held(request.body.get("permissions", []))

    def _project(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._must("resourcemanager.projects.get", f"project '{names['project']}'")
        self._named(names["project"])
        return {"projectNumber": self.number, "projectId": self.id, "lifecycleState": "ACTIVE"}

    def _accelerators(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        """Every zone is there, those that have none with a warning."""
        self._must("compute.acceleratorTypes.list", f"project '{names['project']}'")
        name = request.query["filter"].partition("=")[2].strip('"')
        everywhere = {zone for zones in self.accelerators.values() for zone in zones}
        items: dict[str, Any] = {
            f"zones/{zone}": {"warning": {"code": "NO_RESULTS_ON_PAGE"}} for zone in everywhere
        }
        for zone in self.accelerators.get(name, ()):
            items[f"zones/{zone}"] = {"acceleratorTypes": [{"name": name}]}
        return {"kind": "compute#acceleratorTypeAggregatedList", "items": items}

    def _policy(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._must("resourcemanager.projects.getIamPolicy", f"project '{names['project']}'")
        self._named(names["project"])
        return {"version": 1, "etag": "BwXhqDRKSFs=", "bindings": self.bindings}

    def _bucket(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self.before_answer.get("bucket", bool)()
        bucket = self._named_bucket(names["bucket"])
        self._must("storage.buckets.get", "the Google Cloud Storage bucket")
        found: dict[str, Any] = {
            "name": names["bucket"],
            "location": bucket.location,
            "locationType": bucket.location_type,
        }
        if bucket.data_locations:
            found["customPlacementConfig"] = {"dataLocations": list(bucket.data_locations)}
        return found

    def _bucket_policy(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        bucket = self._named_bucket(names["bucket"])
        self._must("storage.buckets.getIamPolicy", "the Google Cloud Storage bucket")
        return {"kind": "storage#policy", "version": 1, "bindings": bucket.bindings}

    def _test_bucket(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._named_bucket(names["bucket"])
        held = self._held(request.all("permissions"))
        return {"kind": "storage#testIamPermissionsResponse", **held}

    def _held(self, permissions: list[str]) -> Mapping[str, Any]:
        """As Google has it: the key is missing where the list would be empty."""
        held = [permission for permission in permissions if permission not in self.denied]
        return {"permissions": held} if held else {}

    def _must(self, permission: str, resource: str) -> None:
        if permission in self.denied:
            raise GoogleError(403, f"Permission '{permission}' denied on {resource}.")

    def _named(self, project: str) -> None:
        if project != self.id:
            # Google does not tell a project that is not there from one that is not yours.
            raise GoogleError(403, f"The caller does not have permission on '{project}'.")

    def _existing(self, address: str) -> None:
        if address not in self.accounts and not self.is_open:
            raise GoogleError(404, f"Unknown service account {address}.")

    def _named_bucket(self, name: str) -> CloudBucket:
        if name not in self.buckets and self.is_open:
            return CloudBucket(bindings=[*self.bindings, self._default_writes])
        if name not in self.buckets:
            raise GoogleError(404, "The specified bucket does not exist.")
        return self.buckets[name]
