"""The environment of a task: what a container would be given, on top of this process's own."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

# A caller that stands for another engine may say so in `LocalOptions.env`.
_DEFAULTS = {"KEDRO_VERTEXAI_TARGET": "local", "PYTHONUNBUFFERED": "1"}


def task_environment(
    container: Mapping[str, str], extra: Mapping[str, str], project_path: Path, work: Path
) -> dict[str, str]:
    """Return the whole environment of a task in its working copy.

    Args:
        container: `env` of the container.
        extra: the user's `LocalOptions.env`.
        project_path: the user's project; import paths into it lead into the copy instead
            (Kedro's own command line puts `src` on PYTHONPATH).
        work: the working copy.
    """
    env = {**os.environ, **container, **_DEFAULTS, **extra}
    return _with_import_path(env, (_moved(e, project_path, work) for e in _import_path(env)))


def shared_environment(
    containers: Iterable[Mapping[str, str]], extra: Mapping[str, str], project_path: Path
) -> dict[str, str]:
    """Return the part that all tasks have in common, without import paths into the project."""
    every = [set(container.items()) for container in containers]
    common = dict(set.intersection(*every)) if every else {}
    env = {**os.environ, **common, **_DEFAULTS, **extra}
    outside = (
        entry
        for entry in _import_path(env)
        if Path(entry).is_absolute() and not _is_inside(entry, project_path)
    )
    return _with_import_path(env, outside)


def _import_path(env: Mapping[str, str]) -> list[str]:
    return [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _moved(entry: str, project_path: Path, work: Path) -> str:
    if not Path(entry).is_absolute() or not _is_inside(entry, project_path):
        return entry
    return str(work / Path(entry).resolve().relative_to(project_path))


def _is_inside(entry: str, project_path: Path) -> bool:
    return Path(entry).resolve().is_relative_to(project_path)


def _with_import_path(env: dict[str, str], entries: Iterable[str]) -> dict[str, str]:
    env.pop("PYTHONPATH", None)
    path = os.pathsep.join(entries)
    return {**env, "PYTHONPATH": path} if path else env
