"""Deliberate breaks of the runtime, one for each way in which data travel.

A module of every generated project (`generated.breaks`): a project that is to be broken calls
one of these functions in its settings, in the process that compiles and in each task.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any


def objects_come_back_changed() -> None:
    from kedro_vertexai.runtime import object_dataset

    _plant(
        object_dataset, "load_object", lambda load, *arguments, **named: [load(*arguments, **named)]
    )


def files_are_changed_on_their_way_in() -> None:
    _after_copy_in(_change)


def texts_are_changed_on_their_way_out() -> None:
    from kedro_vertexai.runtime import boundary

    def copy_and_change(copy: Callable[..., Any], dataset: Path, artifact: Path, name: str) -> Any:
        metadata = copy(dataset, artifact, name)
        if dataset.suffix == ".txt":
            _change(artifact)
        return metadata

    _plant(boundary, "copy_out", copy_and_change)


def subfolders_stay_behind() -> None:
    def remove_subfolders(directory: Path) -> None:
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    _after_copy_in(remove_subfolders)


def a_version_of_another_run_is_newer() -> None:
    def add_newer_version(dataset: Path) -> None:
        (version,) = dataset.iterdir()
        newer = shutil.copytree(version, dataset / "9999-01-01T00.00.00.000Z")
        for file in newer.iterdir():
            file.write_text('"of another run"')

    _after_copy_in(add_newer_version)


def staged_inputs_are_changed() -> None:
    if _in_a_task():
        return
    from kedro_vertexai import stage
    from kedro_vertexai.staging import staged_uri

    def stage_and_change(upload: Callable[..., Any], staged: Any, root: str, *rest: Any) -> Any:
        report = upload(staged, root, *rest)
        for one in staged:
            _change(Path(staged_uri(root, one)))
        return report

    _plant(stage, "stage_inputs", stage_and_change)


def references_are_read_before_they_are_written() -> None:
    if _in_a_task():
        return
    from kedro_vertexai import compiler

    def turn_round(build: Callable[..., Any], *arguments: Any) -> Any:
        plan = build(*arguments)
        references = [(task, artifact) for task in plan.tasks for artifact in _references(task)]
        reader_of = {artifact.producer: task.name for task, artifact in references}
        tasks = (
            replace(
                task,
                inputs=tuple(a for a in task.inputs if a not in _references(task)),
                after=(reader_of[task.name],) if task.name in reader_of else task.after,
            )
            for task in plan.tasks
        )
        return replace(plan, tasks=tuple(tasks))

    _plant(compiler, "build_plan", turn_round)


def the_last_node_of_a_group_is_forgotten() -> None:
    from kedro_vertexai.runtime.task_document import TaskDocument

    def parse_and_forget(parse: Callable[..., Any], *arguments: Any) -> Any:
        document = parse(*arguments)
        nodes = document.nodes
        return replace(document, nodes=nodes[:-1]) if len(nodes) > 1 else document

    _plant(TaskDocument, "parse", parse_and_forget)


def _plant(owner: Any, name: str, broken: Callable[..., Any]) -> None:
    """Call `broken` with the original before its arguments.

    Raises:
        AttributeError: there is no such function any more, so that nothing would be broken.
    """
    setattr(owner, name, partial(broken, getattr(owner, name)))


def _references(task: Any) -> list[Any]:
    return [artifact for artifact in task.inputs if artifact.travel.value == "reference"]


def _after_copy_in(change: Callable[[Path], None]) -> None:
    from kedro_vertexai.runtime import boundary

    def copy_and_change(
        copy: Callable[..., None], artifact: Path, dataset: Path, *more: Any, **named: Any
    ) -> None:
        copy(artifact, dataset, *more, **named)
        change(dataset)

    _plant(boundary, "copy_in", copy_and_change)


def _change(file: Path) -> None:
    """Change one byte: a file of another length is refused before it is read."""
    content = file.read_bytes()
    file.write_bytes(b"?" + content[1:])


def _in_a_task() -> bool:
    return "KEDRO_VERTEXAI_TARGET" in os.environ
