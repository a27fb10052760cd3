"""Where a job leaves what: the directories under `<project>/.vertexai/jobs/<job name>/`."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.results import OutputArtifact

ROOT = ".vertexai"

# Linux and macOS allow 255 bytes in one name; this leaves room for our own endings.
_LONGEST_NAME = 200
_JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_COMPRESSIONS = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


@dataclass(frozen=True)
class AttemptPaths:
    """The places that belong to one attempt of one task, and to nothing else."""

    artifacts: Path
    surroundings: Path
    """Directory around the working copy: where a path that starts with `../` leads."""
    log: Path

    @property
    def work(self) -> Path:
        """Working copy of the project."""
        return self.surroundings / "project"

    @property
    def executor_output(self) -> Path:
        """File for the executor output (JSON)."""
        return self.artifacts / ".executor_output.json"

    def artifact(self, key: str) -> Path:
        """Return the path of an output artifact."""
        return self.artifacts / safe_name(key)

    def parameter(self, key: str) -> Path:
        """Return the file for an output parameter."""
        return self.artifacts / ".parameters" / safe_name(key)

    def create(self) -> None:
        """Make the directories that a task may write into."""
        (self.artifacts / ".parameters").mkdir(parents=True)


@dataclass(frozen=True)
class JobLayout:
    """The directory of one job."""

    project_path: Path
    """The user's project, resolved."""
    path: Path

    @classmethod
    def create(cls, project_path: Path, job_name: str) -> "JobLayout":
        """Make the directory of a new job.

        Raises:
            RunError: if the name is taken or no file name, or the project is read-only.
        """
        if not _JOB_NAME.fullmatch(job_name):
            raise RunError(f"job name {job_name!r}: only letters, digits, '-', '_' and '.' will do")
        project_path = project_path.resolve()
        jobs = project_path / ROOT / "jobs"
        layout = cls(project_path, jobs / job_name)
        try:
            jobs.mkdir(parents=True, exist_ok=True)
            layout.path.mkdir()
            for directory in (layout.logs, layout.artifacts, layout.outputs, layout.work):
                directory.mkdir()
        except FileExistsError as error:
            raise RunError(f"job '{job_name}' exists already: {error.filename}") from None
        except OSError as error:
            raise RunError(f"cannot write to {error.filename}: {error.strerror}") from error
        return layout

    @property
    def spec(self) -> Path:
        """The pipeline spec as it was run."""
        return self.path / "pipeline.json"

    @property
    def state(self) -> Path:
        """State of the job and its tasks, for other processes."""
        return self.path / "job.json"

    @property
    def logs(self) -> Path:
        """One file for each attempt of a task."""
        return self.path / "logs"

    @property
    def artifacts(self) -> Path:
        """One directory for each attempt of a task."""
        return self.path / "artifacts"

    @property
    def outputs(self) -> Path:
        """Links to the output artifacts, by dataset name."""
        return self.path / "outputs"

    @property
    def work(self) -> Path:
        """Working copies."""
        return self.path / "work"

    @property
    def image_surroundings(self) -> Path:
        """What an image would hold, the project and what lies beside it; tasks get copies of it."""
        return self.work / ".image"

    @property
    def image(self) -> Path:
        """The project as the image would hold it."""
        return self.image_surroundings / "project"

    @property
    def fork_server_log(self) -> Path:
        """What the process that tasks are forked from has to say."""
        return self.logs / ".fork-server.log"

    def attempt(self, task: str, number: int) -> AttemptPaths:
        """Return the places of an attempt (from 1); a later one shares none with the first."""
        name = safe_name(task)
        directory = name if number == 1 else f"{name}.attempt-{number}"
        return AttemptPaths(
            artifacts=self.artifacts / directory,
            surroundings=self.work / directory,
            log=self.logs / f"{directory}.log",
        )


def safe_name(name: str) -> str:
    """Return the name as one component of a path; different names stay different.

    Letters and digits of any language, inner dots and `-_@+=,` stay, everything else becomes
    `%` and its bytes in hexadecimal. A very long name ends in a digest instead.
    """
    safe = re.sub(r"[^\w.@+=,-]|^\.", _percent, name) or "%"
    if len(safe.encode()) <= _LONGEST_NAME:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{safe.encode()[: _LONGEST_NAME - 20].decode(errors='ignore')}%~{digest}"


def _percent(match: re.Match[str]) -> str:
    encoded = match.group().encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in encoded)


def local_path(uri: str) -> Path | None:
    """Return the path a URI names on this machine, None for a remote place."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if "://" in uri else Path(uri)


@dataclass
class OutputLinks:
    """The directory where a user finds the datasets of a job by their names."""

    directory: Path
    _taken: set[str] = field(default_factory=set)

    def add(self, task: str, outputs: Mapping[str, OutputArtifact]) -> None:
        """Link those outputs of a task that are datasets on this machine."""
        for key, output in outputs.items():
            dataset = output.metadata.get("dataset")
            path = local_path(output.uri)
            if not isinstance(dataset, str) or output.is_absent or path is None:
                continue
            link = self.directory / self._name(task, key, dataset, output.metadata.get("path"))
            link.symlink_to(os.path.relpath(path, self.directory))

    def _name(self, task: str, key: str, dataset: str, path: object) -> str:
        suffix = _suffix(path)
        stem = safe_name(dataset.removesuffix(suffix) if suffix else dataset)
        name = f"{stem}{suffix}"
        if self._is_taken(name):
            digest = hashlib.sha256(f"{task}\0{key}\0{dataset}".encode()).hexdigest()[:8]
            name = f"{stem}%~{digest}{suffix}"
            self._is_taken(name)
        return name

    def _is_taken(self, name: str) -> bool:
        """Take the name if it is free, also where a file system ignores case and accents' form."""
        canonical = unicodedata.normalize("NFC", name).casefold()
        taken = canonical in self._taken
        self._taken.add(canonical)
        return taken


def _suffix(path: object) -> str:
    """Return the ending of a dataset's own path, such as `.csv.gz`, if it has a sane one."""
    if not isinstance(path, str):
        return ""
    name = Path(path).name
    suffix = Path(name).suffix
    if suffix.lower() in _COMPRESSIONS:
        suffix = Path(name.removesuffix(suffix)).suffix + suffix
    return suffix if re.fullmatch(r"(\.\w{1,16}){1,2}", suffix) else ""
