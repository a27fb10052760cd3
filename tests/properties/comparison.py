"""One generated project run both ways, and in what the two differ."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generated_project import WATCHED, WATCHED_PATH, GeneratedProject
from kept_data import Content
from local_run import LocalRun, files_of, kedro_run, run_once

_NOTHING = "nothing"


@dataclass(frozen=True)
class Results:
    """What a run left, by path; `$outside` stands for the directory outside the project.

    Below `watched/` is what the last node saw of each dataset. `failed` says of each task that
    did not succeed why.
    """

    contents: dict[str, Any]
    failed: dict[str, str]

    def of(self, kind: str) -> Results:
        """What a project of `kind_projects` left of one kind of dataset."""
        ours = {path: content for path, content in self.contents.items() if f"/{kind}_" in path}
        return Results(ours, self.failed)

    def differences(self, expected: Results) -> list[str]:
        """One line for everything that is not as expected; empty if all is."""
        paths = sorted({*self.contents, *expected.contents})
        return [
            *(f"task {task} failed: {reason}" for task, reason in self.failed.items()),
            *(
                f"{path}: {self.contents.get(path, _NOTHING)!r} "
                f"instead of {expected.contents.get(path, _NOTHING)!r}"
                for path in paths
                if self.contents.get(path, _NOTHING) != expected.contents.get(path, _NOTHING)
            ),
        ]


def compare(generated: GeneratedProject, folder: Path, planted: str = "") -> list[str]:
    """Run the project with Kedro alone and in tasks; say in what the results differ.

    Args:
        generated: the project.
        folder: an empty directory.
        planted: a function of `planted_breaks` for the tasks.
    """
    expected = results_of_kedro_run(generated, folder / "laptop")
    return results_of_tasks(generated, folder / "tasks", planted).differences(expected)


def results_of_kedro_run(generated: GeneratedProject, folder: Path) -> Results:
    """Run the project in one process, on one disk.

    Raises:
        AssertionError: the run fails, or leaves what no kind of dataset says that it keeps.
    """
    project = generated.write(folder / "project", folder / "outside")
    before = set(files_of(folder))
    kedro_run(project, env=_environment(folder))
    kept = generated.kept(folder / "outside")
    contents = {path: _read(project.path / path, read) for path, read in kept.items()}
    known = [(project.path / path).relative_to(folder) for path in kept]
    for file in set(files_of(folder)) - before:
        is_known = any(Path(file).is_relative_to(path) for path in known)
        assert is_known or file.startswith("store/"), f"who keeps {file}?"
    return Results(_named(contents, folder), {})


def results_of_tasks(generated: GeneratedProject, folder: Path, planted: str = "") -> Results:
    """Run the project as tasks that share no disk.

    Args:
        generated: the project.
        folder: a directory to make.
        planted: a function of `planted_breaks`.
    """
    project = generated.write(folder / "project", folder / "outside", planted)
    run = run_once(project, env=_environment(folder))
    left = {os.path.normpath(path): output for path, output in run.outputs_by_path().items()}
    kept = generated.kept(folder / "outside")
    contents = {path: _read(_found(path, left), read) for path, read in kept.items()}
    unexpected = {
        path: "an output"
        for path in left
        if not any(Path(known).is_relative_to(path) for known in kept)
    }
    return Results(_named({**contents, **unexpected}, folder), _failed(run))


def _environment(folder: Path) -> dict[str, str]:
    return {"GENERATED_STORE": str(folder / "store")}


def _found(path: str, left: dict[str, Path]) -> Path | None:
    """Where a run's outputs have what belongs at a path: itself, or in a directory."""
    for parent in (Path(path), *Path(path).parents):
        if parent.as_posix() in left:
            return left[parent.as_posix()] / Path(path).relative_to(parent)
    return None


def _read(path: Path | None, content: Content) -> Any:
    return content(path) if path and path.exists() else _NOTHING


def _named(contents: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The contents under names that are the same for both runs, with those of the store.

    What the last node saw becomes a content for each dataset.
    """
    outside = str(folder / "outside")
    named = {path.replace(outside, "$outside"): content for path, content in contents.items()}
    watched = named.pop(WATCHED_PATH)
    seen = {} if watched == _NOTHING else json.loads(watched)
    return {
        **named,
        **{f"{WATCHED}/{name}": value for name, value in seen.items()},
        **{f"store/{name}": content for name, content in files_of(folder / "store").items()},
    }


def _failed(run: LocalRun) -> dict[str, str]:
    failed = {
        name: f"{state}: {run.log(name).strip().splitlines()[-1:] if state == 'FAILED' else ''}"
        for name, state in run.states().items()
        if state != "SUCCEEDED"
    }
    if run.exit_code and not failed:
        failed["run-once"] = run.printed
    return failed
