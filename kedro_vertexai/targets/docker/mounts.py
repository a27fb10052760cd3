"""What of this machine's disk a container sees: what it is given, and where it leaves its own.

Everything is mounted at the path it has on this machine, since paths are the URIs of artifacts:
they stand in executor inputs and outputs, in `job.json` and in an MLflow store, and must mean
the same to a task and to whoever looks at it afterwards. `kfp.local` mounts its root alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.targets.docker.options import DockerOptions
from kedro_vertexai.targets.local.layout import AttemptPaths, JobLayout

if TYPE_CHECKING:
    from docker.types import Mount


def mounts(layout: JobLayout, paths: AttemptPaths, options: DockerOptions) -> list[Mount]:
    """Return the mounts of one attempt; the engine mounts the outer ones first.

    An attempt writes into its own directory and, without a server, into the MLflow store. It
    reads what the tasks of its own job have made, and the staged inputs.
    """
    places: dict[Path, bool] = {}
    if options.store is not None:
        places[options.store] = True
        places[layout.path.parent] = False
    if options.inputs is not None and options.inputs.is_dir():
        places[options.inputs] = False
    places[layout.artifacts] = False
    places[paths.artifacts] = True
    return [_mount(path, writable=writable) for path, writable in places.items()]


def _mount(path: Path, *, writable: bool) -> Mount:
    from docker.types import Mount

    return Mount(str(path), str(path), type="bind", read_only=not writable)
