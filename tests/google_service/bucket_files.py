"""The run root's bucket as a container sees it: files that stand for objects.

Vertex AI mounts it at /gcs. Here a directory of the job is in its place: what is imported is
fetched before, what a task leaves is uploaded after.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google_service.place import new_number
from kedro_vertexai.storage import open_filesystem
from kedro_vertexai.targets.local import OutputArtifact
from kedro_vertexai.targets.local.layout import local_path


class BucketFiles:
    """Of one job."""

    def __init__(self, root: str, project_number: str, job_id: str, work: Path) -> None:
        """Take the places.

        Args:
            root: the job's `gcsOutputDirectory`.
            project_number: a part of every output's name.
            job_id: likewise.
            work: directory of the job on this machine.
        """
        self.work = work
        self.mount = work / "gcs"
        self._outputs = f"{root.rstrip('/')}/{project_number}/{job_id}"
        self._imported: dict[str, str] = {}
        self._task_ids: dict[str, str] = {}

    def task_id(self, task: str) -> str:
        return self._task_ids.setdefault(task, new_number())

    def fetch(self, uri: str) -> str:
        """Return where the object or objects of a URI are as files; the URI if there are none.

        Vertex AI's importer looks at nothing: who reads the artifact will miss it.
        """
        fs, path = open_filesystem(uri)
        target = self.mount / uri.removeprefix("gs://")
        names = fs.find(path)
        if not names:
            return uri
        for name in names:
            file = target / name.removeprefix(f"{path}/") if name != path else target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(fs.cat_file(name))
        self._imported[str(target)] = uri
        return str(target)

    def uri_of(self, place: str) -> str:
        """The URI of what was fetched."""
        return self._imported.get(place, place)

    def upload(self, task: str, key: str, output: OutputArtifact) -> str:
        """Put what a task has made into the bucket; its URI there."""
        source = local_path(output.uri)
        if source is None:
            return output.uri
        uri = f"{self.directory(task)}/{key}"
        put(source, uri)
        return uri

    def directory(self, task: str) -> str:
        """The URI of what a task leaves."""
        return f"{self._outputs}/{task}_{self.task_id(task)}"


class MountedBucket(BucketFiles):
    """The same for containers: they see the directory at /gcs, by the objects' own names."""

    def fetch(self, uri: str) -> str:
        super().fetch(uri)
        return uri

    def upload(self, task: str, key: str, output: OutputArtifact) -> str:
        source = self.mount / output.uri.removeprefix("gs://")
        if output.uri.startswith(f"{self.directory(task)}/") and source.exists():
            put(source, output.uri)
        return output.uri

    def attempt(self, task: str, number: int) -> tuple[Places, Places]:
        """Where an attempt leaves what, as its container is told and as it is out here."""
        bucket_path = self.directory(task).removeprefix("gs://")
        outside = self.mount / bucket_path
        outside.mkdir(parents=True, exist_ok=True)
        for directory in (outside, *outside.parents):
            if directory.is_relative_to(self.mount):
                # A mounted bucket knows no users.
                directory.chmod(0o777)
        run = f"attempt-{number}"
        return (
            Places(f"gs://{bucket_path}", f"/gcs/{bucket_path}/{run}"),
            Places(str(outside), str(outside / run)),
        )


@dataclass(frozen=True)
class Places:
    """The places of one attempt of a task, like the local engine's `AttemptPaths`."""

    artifacts: str
    own: str
    """Prefix of what only the engine reads."""

    @property
    def executor_output(self) -> Path:
        return Path(f"{self.own}.executor_output.json")

    def artifact(self, key: str) -> str:
        return f"{self.artifacts}/{key}"

    def parameter(self, key: str) -> Path:
        return Path(f"{self.own}.parameters", key)


def put(source: Path, uri: str) -> None:
    """Make an object of a file, or of each file below a directory."""
    fs, path = open_filesystem(uri)
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    for file in files:
        if file.is_file():
            below = file.relative_to(source).as_posix() if file != source else ""
            fs.pipe_file(f"{path}/{below}" if below else path, file.read_bytes())
