"""`kedro vertexai pull`: a job's outputs, at the paths that the catalog has for them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kedro_vertexai.catalog import Dataset, Kind, base_name
from kedro_vertexai.config import parse_config
from kedro_vertexai.download import Artifacts, Difference, RemoteFile, compare, fetch
from kedro_vertexai.errors import RunError, did_you_mean
from kedro_vertexai.project import read_datasets
from kedro_vertexai.project_config import read_vertexai_config
from kedro_vertexai.targets.local.outputs import LATEST, local_job_outputs, local_jobs
from kedro_vertexai.targets.outputs import DatasetOutput, JobOutputs
from kedro_vertexai.targets.vertex.outputs import vertex_job_outputs
from kedro_vertexai.transfer import TransferReporter, readable

# Downloads wait for the network more than they compute.
_THREADS = 8

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class PullRequest:
    """What is asked for.

    Args:
        project_path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment, whose catalog says where each dataset goes.
        job: a job on this machine (its name, the beginning of just one, or `latest`) or the id
            of a job of Vertex AI.
        datasets: which of its datasets; all that are in files without.
        to: a directory to put the project's paths below, instead of the project.
        force: replace local files that are newer.
    """

    project_path: Path
    env: str
    job: str
    datasets: Sequence[str] = ()
    to: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class PullReport:
    """What came of it; `notes` name what was left out and why."""

    job: JobOutputs
    written: int
    already: int
    bytes: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        written = f"{_files(self.written)} written ({readable(self.bytes)})"
        already = f"{self.already} already there"
        return f"job {self.job.job}: " + (f"{written}, {already}" if self.already else written)


def pull(request: PullRequest, reporter: TransferReporter) -> PullReport:
    """Bring the outputs of a job to the paths that the catalog has for them now.

    What the job says decides what is fetched, never where it is written.

    Raises:
        VertexAIError: there is no such job or dataset, it cannot be reached, it did not succeed
            and has no file, or local files are newer: nothing has been written then. Or a file
            cannot be fetched or written: each is there as it was or as it shall be.
    """
    with closing(reporter):
        job = _find(request)
        wanted, notes = _wanted(job, request.datasets)
        if not wanted and job.state != "SUCCEEDED":
            raise RunError(f"job {job.job} is {job.state}, and has no file to fetch")
        places, left_out = _places(request, wanted)
        files = _files_of(wanted, places)
        todo = _decide(files, places, wanted, force=request.force)
        _write(todo, places, wanted, reporter)
        size = sum(file.size for file in todo)
        return PullReport(job, len(todo), len(files) - len(todo), size, (*notes, *left_out))


def _find(request: PullRequest) -> JobOutputs:
    data, source = read_vertexai_config(request.project_path, request.env)
    config = parse_config(data, source)
    if found := local_job_outputs(request.project_path, request.job):
        return found
    if request.job == LATEST:
        raise RunError("no job has run on this machine yet")
    known = local_jobs(request.project_path)
    missing = f"no job '{request.job}' on this machine{did_you_mean(request.job, known)}"
    project_id, region = config.project_id, config.region
    try:
        found = vertex_job_outputs(request.job, project_id, region)
    except RunError as error:
        raise RunError(f"{missing}; {error}") from error
    if found is None:
        raise RunError(f"{missing}, and none on Vertex AI in project {project_id}, region {region}")
    return found


def _wanted(job: JobOutputs, asked: Sequence[str]) -> tuple[dict[str, DatasetOutput], list[str]]:
    """The outputs to fetch by dataset, of several the last, and what is to be said of others."""
    made: dict[str, DatasetOutput] = {}
    for output in job.outputs:
        # Taken out first, so that the order is that of the last of each.
        made.pop(output.dataset, None)
        made[output.dataset] = output
    names = [base_name(name) for name in asked]
    for name in names:
        if name not in made:
            raise RunError(f"job {job.job} has no dataset '{name}'{did_you_mean(name, made)}")
        if made[name].is_reference:
            raise RunError(
                f"dataset '{name}' was not copied into job {job.job}: it lies at {made[name].uri}"
            )
        if not made[name].is_persistent:
            raise RunError(
                f"dataset '{name}' is not in a file that job {job.job} wrote: it only passed "
                "between tasks, or was read"
            )
    notes = []
    if job.state != "SUCCEEDED":
        notes.append(f"job {job.job} is {job.state}: it has what its finished tasks made")
    notes += [f"dataset '{name}': its node saved nothing" for name in names if made[name].is_absent]
    wanted = {
        name: output
        for name, output in made.items()
        if output.is_persistent and not output.is_absent and (not names or name in names)
    }
    return wanted, notes


def _places(
    request: PullRequest, wanted: Mapping[str, DatasetOutput]
) -> tuple[dict[str, Path], list[str]]:
    """Where each dataset goes, and why others go nowhere.

    Raises:
        RunError: one that was asked for by name goes nowhere.
    """
    described = read_datasets(request.project_path, env=request.env, names=wanted)
    asked = {base_name(name) for name in request.datasets}
    places: dict[str, Path] = {}
    notes = []
    for name in wanted:
        place = _place(request, described[name])
        if isinstance(place, Path):
            if described[name].replaces:
                # Of two datasets in one place, this one has removed what the other left.
                places = {other: there for other, there in places.items() if there != place}
            places[name] = place
        elif name in asked:
            raise RunError(place)
        else:
            notes.append(f"{place}; left out")
    return places, notes


def _place(request: PullRequest, dataset: Dataset) -> Path | str:
    """Where a dataset goes, or why it goes nowhere."""
    if dataset.kind is Kind.MEMORY:
        return f"dataset '{dataset.name}' is not in the catalog now"
    if dataset.kind is Kind.REMOTE:
        return f"dataset '{dataset.name}' is not in a local file in the catalog now"
    project = os.path.normpath(request.project_path)
    own = Path(os.path.normpath(request.project_path / dataset.path))
    if own.is_relative_to(project):
        return (request.to or Path(project)) / own.relative_to(project)
    if request.to:
        return request.to / own.relative_to(own.anchor)
    return f"dataset '{dataset.name}' lies outside of the project, at {own}: --to DIR takes it"


def _files_of(wanted: Mapping[str, DatasetOutput], places: Mapping[str, Path]) -> list[RemoteFile]:
    """The files to fetch: of two in one place, the later task's."""
    artifacts = Artifacts()
    found = {}
    for name, place in places.items():
        if not wanted[name].is_empty:
            for file in artifacts.files(wanted[name].uri, place):
                found[file.target] = file
    return list(found.values())


def _decide(
    files: Sequence[RemoteFile],
    places: Mapping[str, Path],
    wanted: Mapping[str, DatasetOutput],
    *,
    force: bool,
) -> list[RemoteFile]:
    """The files that are not here yet.

    Raises:
        RunError: some may not be replaced; it names them all.
    """
    found = list(zip(files, _in_threads(compare, files), strict=True))
    newer = [file.target for file, said in found if said is Difference.NEWER and not force]
    other = [file.target for file, said in found if said is Difference.OTHER_KIND]
    other += [place for name, place in places.items() if wanted[name].is_empty and place.is_file()]
    reasons = []
    if newer:
        reasons.append(
            f"{_files(len(newer))} here changed after the job wrote them (--force replaces them): "
            f"{_listed(newer)}"
        )
    if other:
        reasons.append(
            "a directory is here where the job has a file, or a file where it has a directory: "
            f"{_listed(other)}"
        )
    if reasons:
        raise RunError(f"nothing is written: {'; '.join(reasons)}")
    return [file for file, said in found if said is not Difference.SAME]


def _write(
    todo: Sequence[RemoteFile],
    places: Mapping[str, Path],
    wanted: Mapping[str, DatasetOutput],
    reporter: TransferReporter,
) -> None:
    stop = threading.Event()
    reporter.start(sum(file.size for file in todo))
    for name, place in places.items():
        if wanted[name].is_empty:
            _make_directory(place)
    _in_threads(lambda file: fetch(file, reporter.advance, stop), todo, stop)
    for name, place in places.items():
        sizes = [file.size for file in todo if file.place == place]
        if sizes:
            reporter.line(f"{name}: {_shown(place)}, {readable(sum(sizes))}")


def _make_directory(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write {place}: {error.strerror}") from error


def _in_threads(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    stop: threading.Event | None = None,
) -> list[_Result]:
    """Call a function for all items; on an error, or Ctrl-C, do not wait for the rest."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            if stop:
                stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _files(count: int) -> str:
    return f"{count} {'file' if count == 1 else 'files'}"


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(sorted(_shown(path) for path in paths))


def _shown(path: Path) -> str:
    return os.path.relpath(path)
