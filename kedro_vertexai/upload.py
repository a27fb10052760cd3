"""Raw inputs under a run root, wherever that is: uploaded whole, and once.

An object store has no directories and renames nothing, so a manifest that is written last tells
an input that is there from one whose upload was killed. Each object is checked before it
appears; what an earlier upload has left is therefore right, and is not sent again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.staging import (
    SourceFile,
    changed,
    file_digests,
    reading,
    source_files,
    stage,
    staged_uri,
    tree_digest,
)
from kedro_vertexai.storage import is_object_store, open_filesystem, storage_errors
from kedro_vertexai.targets.local.layout import local_path
from kedro_vertexai.transfer import TransferReporter, readable

if TYPE_CHECKING:
    from kedro_vertexai.plan.model import StagedInput

# Uploads wait for the network more than they compute.
_THREADS = 8
# A larger file is sent in blocks of this size, so that memory does not grow with the file. A
# multiple of 256 KiB as Cloud Storage wants it, and above the 5 MiB of S3's smallest part:
# https://cloud.google.com/storage/docs/performing-resumable-uploads#multiple-chunk-upload
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_BLOCK = 8 * 1024 * 1024


@dataclass(frozen=True)
class StagingReport:
    """What became of the inputs of a run; `bytes` were sent now."""

    uploaded: tuple[StagedInput, ...] = ()
    already: tuple[StagedInput, ...] = ()
    bytes: int = 0

    def __str__(self) -> str:
        total = len(self.uploaded) + len(self.already)
        if not self.uploaded:
            return f"{_inputs(total)} {'is' if total == 1 else 'are'} staged already"
        already = f", {len(self.already)} staged already" if self.already else ""
        return f"{_inputs(len(self.uploaded))} staged ({readable(self.bytes)}){already}"


def stage_inputs(
    staged: Sequence[StagedInput], root: str, project_path: Path, reporter: TransferReporter
) -> StagingReport:
    """Put the inputs of a run under its root, unless they are there.

    Args:
        staged: the inputs, as planned.
        root: the run root: a path or a URL of any protocol that fsspec knows.
        project_path: what the inputs' paths are relative to.
        reporter: hears of it; closed at the end.

    Raises:
        RunError: an input is gone or changes, or the root cannot be reached or written. Nothing
            that is there in part is ever taken for an input.
    """
    with closing(reporter):
        if not staged:
            return StagingReport()
        directory = local_path(root)
        if directory is None:
            return _Upload(root, project_path, reporter).run(staged)
        return _stage_locally(staged, directory, project_path, reporter)


def _stage_locally(
    staged: Sequence[StagedInput], root: Path, project_path: Path, reporter: TransferReporter
) -> StagingReport:
    uploaded, already, sent = [], [], 0
    missing = [one for one in staged if not Path(staged_uri(str(root), one)).exists()]
    sizes = {one: _size(source_files(one, project_path)) for one in missing}
    reporter.start(sum(sizes.values()))
    for one in staged:
        if not stage(one, root, project_path):
            already.append(one)
            continue
        size = sizes.get(one, 0)
        uploaded.append(one)
        sent += size
        reporter.advance(size)
    return StagingReport(tuple(uploaded), tuple(already), sent)


@dataclass
class _Input:
    """One content on its way: several datasets may have it."""

    staged: StagedInput
    path: str
    """Where it goes, as a path in the file system."""
    files: list[SourceFile]
    missing: list[SourceFile] = field(default_factory=list)
    is_there: bool = False

    @property
    def manifest(self) -> str:
        directory, _, name = self.path.rpartition("/")
        return f"{directory}/.{name}.manifest.json"

    def path_of(self, file: SourceFile) -> str:
        return f"{self.path}/{file.name}" if file.name else self.path

    def look(self, found: Mapping[str, int | None], *, reuse: bool) -> None:
        """Learn from the sizes of what is there what is missing."""
        self.missing = [file for file in self.files if found.get(self.path_of(file)) != file.size]
        self.is_there = self.manifest in found and not self.missing
        if not self.is_there and not reuse:
            self.missing = self.files


class _Upload:
    """One upload of several inputs to a root that is not on this machine."""

    def __init__(self, root: str, project_path: Path, reporter: TransferReporter) -> None:
        self._root = root
        self._project_path = project_path
        self._reporter = reporter
        self._fs, self._base = open_filesystem(root)
        self._is_object_store = is_object_store(root)
        self._stop = threading.Event()

    def run(self, staged: Sequence[StagedInput]) -> StagingReport:
        inputs = self._inputs(staged)
        with self._pool() as pool:
            list(pool.map(self._look, inputs.values()))
            todo = [one for one in inputs.values() if not one.is_there]
            self._reporter.start(sum(_size(one.missing) for one in todo))
            sent = [(one, pool.submit(self._expected, one)) for one in todo]
            started = [(one, self._send_all(pool, one, known.result())) for one, known in sent]
            for one, futures in started:
                self._finish(one, futures)
        new = {id(one.staged) for one in todo}
        return StagingReport(
            uploaded=tuple(one for one in staged if id(one) in new),
            already=tuple(one for one in staged if id(one) not in new),
            bytes=sum(_size(one.missing) for one in todo),
        )

    def _inputs(self, staged: Sequence[StagedInput]) -> dict[str, _Input]:
        inputs: dict[str, _Input] = {}
        for one in staged:
            path = staged_uri(self._base, one)
            if path not in inputs:
                inputs[path] = _Input(one, path, source_files(one, self._project_path))
        return inputs

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Threads that end early if anything fails, or the user does not want to wait."""
        with storage_errors(self._root), ThreadPoolExecutor(_THREADS) as pool:
            try:
                yield pool
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _look(self, one: _Input) -> None:
        directory = one.path.rpartition("/")[0]
        try:
            found = self._fs.find(directory, detail=True)
        except FileNotFoundError:
            # So say file systems with directories; a missing bucket refuses the upload, too.
            found = {}
        sizes = {path: info.get("size") for path, info in found.items()}
        # Elsewhere a file appears before it has been checked.
        one.look(sizes, reuse=self._is_object_store)

    def _expected(self, one: _Input) -> dict[str, str]:
        """What each file must be, so that each is checked before it appears.

        Raises:
            RunError: the input is not what was planned.
        """
        if one.staged.content is not None or [file.name for file in one.files] == [""]:
            return {"": one.staged.digest}
        with reading(one.staged):
            digests = file_digests(one.files)
        if tree_digest(digests) != one.staged.digest:
            raise changed(one.staged)
        return digests

    def _send_all(
        self, pool: ThreadPoolExecutor, one: _Input, expected: Mapping[str, str]
    ) -> list[Future[None]]:
        return [pool.submit(self._send, one, file, expected[file.name]) for file in one.missing]

    def _finish(self, one: _Input, files: list[Future[None]]) -> None:
        """Write the manifest once all files are there."""
        for file in files:
            file.result()
        size = _size(one.files)
        manifest = {"name": one.staged.name, "files": len(one.files), "bytes": size}
        self._fs.pipe_file(one.manifest, json.dumps(manifest).encode())
        staged = one.staged
        uri = staged_uri(self._root, staged)
        self._reporter.line(f"{staged.dataset}: {readable(size)} uploaded to {uri}")

    def _send(self, one: _Input, file: SourceFile, digest: str) -> None:
        """Upload one file, and let it appear only if it is what it must be."""
        path = one.path_of(file)
        if self._stop.is_set():
            return
        if not self._is_object_store:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        if isinstance(file.source, Path) and file.size > _BLOCK:
            self._send_in_blocks(one, file.source, path, digest)
            return
        with reading(one.staged):
            data = file.source if isinstance(file.source, bytes) else file.source.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise changed(one.staged)
        self._fs.pipe_file(path, data)
        self._reporter.advance(len(data))

    def _send_in_blocks(self, one: _Input, source: Path, path: str, digest: str) -> None:
        committed = {"autocommit": False} if self._is_object_store else {}
        stream = self._fs.open(path, "wb", block_size=_BLOCK, **committed)
        try:
            found = hashlib.sha256()
            for block in _blocks(one, source):
                if self._stop.is_set():
                    _abandon(stream)
                    return
                found.update(block)
                stream.write(block)
                self._reporter.advance(len(block))
            if found.hexdigest() != digest:
                raise changed(one.staged)
        except Exception:
            _abandon(stream)
            raise
        stream.close()
        if committed:
            stream.commit()


def _abandon(stream: Any) -> None:
    """Give up an upload, so that no object appears."""
    from fsspec.spec import AbstractBufferedFile

    # What made the upload fail is what the user should hear of.
    with suppress(Exception):
        stream.discard()
    if isinstance(stream, AbstractBufferedFile):
        # Or it would be completed when it is forgotten.
        stream.closed = True


def _blocks(one: _Input, source: Path) -> Iterator[bytes]:
    with reading(one.staged):
        stream = source.open("rb")
    with stream:
        while True:
            with reading(one.staged):
                block = stream.read(_BLOCK)
            if not block:
                return
            yield block


def _size(files: Sequence[SourceFile]) -> int:
    return sum(file.size for file in files)


def _inputs(count: int) -> str:
    return f"{count} {'input' if count == 1 else 'inputs'}"
