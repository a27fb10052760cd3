"""Cloud Build: takes an archive from Cloud Storage, and leaves an image in the registry.

Nothing is executed: what is uploaded is looked at as a build would look at it, and stands for the
image. https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds
"""

from __future__ import annotations

import io
import tarfile
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google_service.errors import GoogleError, invalid, not_found
from google_service.images import Images
from google_service.place import Place
from google_service.web import Request, Route
from kedro_vertexai.storage import open_filesystem

_TYPE = "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata"
# Of the many fields of a build, those that this stand-in knows.
_FIELDS = {"source", "steps", "images"}
_DOCKERFILE = "Dockerfile"


class CloudBuild:
    """Builds of one project, each done when it has been looked at a few times.

    `status` is how builds end, `detail` why they fail.
    """

    def __init__(self, place: Place, images: Images, directory: Path) -> None:
        self.status = "SUCCESS"
        self.detail = ""
        self.archives: list[dict[str, bytes]] = []
        """The files of each build by their paths in the archive."""
        self._place, self._images, self._directory = place, images, directory
        self._builds: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/projects/{project}/builds", self._create),
            Route("GET", "/v1/projects/{project}/builds/{build}", self._get),
        ]

    def _create(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._check_project(names)
        asked = _checked(request.body)
        self.archives.append(_files_of(asked["source"]["storageSource"]))
        number = str(uuid.uuid4())
        page = "https://console.cloud.google.com/cloud-build/builds"
        build = {
            **asked,
            "id": number,
            "projectId": self._place.project_id,
            "status": "QUEUED",
            "logUrl": f"{page}/{number}?project={self._place.project_number}",
        }
        with self._lock:
            self._builds[number] = build
        name = f"operations/build/{self._place.project_id}/{number}"
        return {"name": name, "metadata": {"@type": _TYPE, "build": build}}

    def _get(self, request: Request, names: Mapping[str, str]) -> Mapping[str, Any]:
        self._check_project(names)
        with self._lock:
            build = self._builds.get(names["build"])
            if build is None:
                raise not_found(f"Requested entity was not found: {names['build']}")
            if build["status"] == "QUEUED":
                build["status"] = "WORKING"
            elif build["status"] == "WORKING":
                self._end(build)
            return dict(build)

    def _end(self, build: dict[str, Any]) -> None:
        build["status"] = self.status
        if self.status != "SUCCESS":
            build["failureInfo"] = {"type": "USER_BUILD_STEP", "detail": self.detail}
            return
        project = self._directory / build["id"]
        for path, content in self.archives[-1].items():
            file = project / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        digests = [(image, self._images.push(image, project)) for image in build["images"]]
        build["results"] = {"images": [{"name": n, "digest": digest} for n, digest in digests]}

    def _check_project(self, names: Mapping[str, str]) -> None:
        if not self._place.is_project(names["project"]):
            raise GoogleError(403, "The caller does not have permission")


def _checked(body: Mapping[str, Any]) -> dict[str, Any]:
    """A build that can be carried out here.

    Raises:
        GoogleError: it cannot, or says what Cloud Build does not know.
    """
    if unknown := sorted(body.keys() - _FIELDS):
        raise GoogleError(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}"')
    source = body.get("source", {}).get("storageSource", {})
    if not (source.get("bucket") and source.get("object")):
        raise invalid("source: storage source needs a bucket and an object")
    [step] = body.get("steps") or [{}]
    if step.get("name") != "gcr.io/cloud-builders/docker":
        raise invalid("build step 0: invalid builder")
    if any("$" in argument for argument in step.get("args", ())):
        raise invalid("generic::invalid_argument: key in the template is not a valid substitution")
    tagged = [
        value
        for option, value in zip(step["args"], step["args"][1:], strict=False)
        if option == "--tag"
    ]
    if step["args"][0] != "build" or step["args"][-1] != "." or tagged != body.get("images"):
        raise invalid("the step builds no image that is to be pushed")
    return dict(body)


def _files_of(source: Mapping[str, str]) -> dict[str, bytes]:
    fs, path = open_filesystem(f"gs://{source['bucket']}/{source['object']}")
    if not fs.exists(path):
        raise invalid("could not resolve source: storage: object doesn't exist")
    with tarfile.open(fileobj=io.BytesIO(fs.cat_file(path)), mode="r:gz") as archive:
        files = {
            member.name: file.read() for member in archive if (file := archive.extractfile(member))
        }
    if _DOCKERFILE not in files:
        raise invalid("unable to prepare context: no Dockerfile")
    return files
