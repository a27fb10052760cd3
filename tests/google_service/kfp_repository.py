"""Repositories of pipeline templates in Artifact Registry, as `kfp.registry` speaks to them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import yaml

from google_service.errors import GoogleError, invalid
from google_service.web import Answer, Handler, Request, Route

# What one version holds, by `sha256:...`.
Versions = dict[str, bytes]


@dataclass
class Package:
    """A template with its versions, and the tags that name some of them."""

    versions: Versions = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class KfpRepositories:
    """Repositories by `PROJECT/NAME`, each with its packages.

    At Google they answer at a host for each region; here the path is all that is seen.
    """

    def __init__(self, *names: str, may_write: bool = True) -> None:
        self.packages: dict[str, dict[str, Package]] = {name: {} for name in names}
        self.may_write = may_write
        self._lock = threading.Lock()

    @property
    def routes(self) -> list[Route]:
        api = "/v1/projects/{project}/locations/{location}/repositories/{name}/packages/{package}"
        routes = [Route("GET", f"{api}/versions/{{version=**}}", self._version)]
        for repository in self.packages:
            project, _, name = repository.partition("/")
            known = {"project": project, "name": name}
            routes += [
                Route("POST", f"/{repository}", self._upload_to(known)),
                Route(
                    "GET", f"/{repository}/{{package}}/{{version=**}}", self._download_from(known)
                ),
            ]
        return routes

    def _upload_to(self, known: Mapping[str, str]) -> Handler:
        return lambda request, names: self._upload(request, {**known, **names})

    def _download_from(self, known: Mapping[str, str]) -> Handler:
        return lambda request, names: self._download(request, {**known, **names})

    def _upload(self, request: Request, names: Mapping[str, str]) -> Answer:
        packages = self._packages(names)
        if not self.may_write:
            permission = "artifactregistry.repositories.uploadArtifacts"
            raise GoogleError(403, f"Permission '{permission}' denied on resource")
        parts = _multipart(request)
        content = parts.get("content", b"")
        try:
            package = yaml.safe_load(content)["pipelineInfo"]["name"]
        except (yaml.YAMLError, KeyError, TypeError):
            raise invalid("the file is not a valid pipeline spec") from None
        version = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with self._lock:
            entry = packages.setdefault(package, Package())
            entry.versions[version] = content
            for tag in filter(None, parts.get("tags", b"").decode().split(",")):
                entry.tags[tag] = version
        return Answer(f"{package}/{version}".encode(), headers={"Content-Type": "text/plain"})

    def _download(self, request: Request, names: Mapping[str, str]) -> Answer:
        package = self._packages(names).get(names["package"], Package())
        version = package.tags.get(names["version"], names["version"])
        if version not in package.versions:
            raise GoogleError(404, "Requested entity was not found.")
        return Answer(package.versions[version], headers={"Content-Type": "application/yaml"})

    def _version(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        package = self._packages(names).get(names["package"], Package())
        if names["version"] not in package.versions:
            raise GoogleError(404, "Requested entity was not found.")
        return {"name": request.path.removeprefix("/v1/")}

    def _packages(self, names: Mapping[str, str]) -> dict[str, Package]:
        name = f"{names['project']}/{names['name']}"
        if name not in self.packages:
            raise GoogleError(404, f"Repository {names['name']} not found")
        return self.packages[name]


def _multipart(request: Request) -> dict[str, bytes]:
    """The fields of a form: https://www.rfc-editor.org/rfc/rfc7578."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.raw)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
        for part in message.iter_parts()
    }
