"""The run root's bucket as a container sees it: files that stand for objects.

Vertex AI mounts it at /gcs. Here a directory of the job is in its place: what is imported is
fetched before, what a task leaves is uploaded after.
"""

from __future__ import annotations

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
        self._outputs = f"{root.rstrip('/')}/{project_number}/{job_id}"
        self._mount = work / "gcs"
        self._imported: dict[str, str] = {}
        self._task_ids: dict[str, str] = {}

    def task_id(self, task: str) -> str:
        return self._task_ids.setdefault(task, new_number())

    def fetch(self, uri: str) -> str:
        """Return where the object or objects of a URI are as files; the URI if there are none.

        Vertex AI's importer looks at nothing: who reads the artifact will miss it.
        """
        fs, path = open_filesystem(uri)
        target = self._mount / uri.removeprefix("gs://")
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
        uri = f"{self._outputs}/{task}_{self.task_id(task)}/{key}"
        fs, path = open_filesystem(uri)
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.is_file():
                below = file.relative_to(source).as_posix() if file != source else ""
                fs.pipe_file(f"{path}/{below}" if below else path, file.read_bytes())
        return uri
