"""A task that is killed in the middle of a save or a copy is tried again, and all ends right."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from local_run import LocalRun, files_of, kedro_run, run_once
from project_factory import MLFLOW, KedroProject, write_project

# Every process of the project has it: the settings are read before files are copied in.
KILLING = '''
    """Kills its own process, once for each occasion, half of the work being done."""

    import os
    import signal
    import sys

    FOLDER = {folder!r}


    def once(occasion):
        try:
            os.close(os.open(os.path.join(FOLDER, occasion), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


    def copying(event, arguments):
        # A copy gets its time when it has its bytes, before it gets its name.
        if event != "os.utime" or not isinstance(arguments[0], int):
            return
        path = os.readlink("/proc/self/fd/%d" % arguments[0])
        with open(path, "rb") as stream:
            occasion = stream.readline().decode().strip()
        where = "in" if path.startswith(os.getcwd()) else "out"
        if occasion.startswith("copying " + where) and not os.path.exists(
            os.path.join(FOLDER, occasion)
        ):
            os.truncate(path, os.path.getsize(path) // 2)
            once(occasion)


    sys.addaudithook(copying)
'''

NODES = """
    import numpy as np

    from .killing import once


    class Fragile:
        def __init__(self, value):
            self.value = value

        def __reduce__(self):
            once("saving an object")
            return Fragile, (self.value,)


    def fragile(size):
        return [np.arange(size), "before", Fragile(size), "after"]


    def told(objects):
        numbers, before, fragile, after = objects
        return f"{len(numbers)} {numbers.sum()} {before} {fragile.value} {after}"


    def chunks(size):
        for number in range(4):
            yield f"chunk {number};"
            if number == 1:
                once("saving in chunks")


    def text(occasion):
        return lambda size: occasion + "\\n" + "0123456789" * size


    def parts(occasion):
        return lambda size: {
            f"part-{number:03}": f"{occasion if number == 150 else ''}\\n{number}" * 20
            for number in range(300)
        }


    def joined(parts):
        return "".join(f"{name}: {load()}" for name, load in sorted(parts.items()))


    NODES = [
        node(fragile, "params:size", "objects", name="save_object"),
        node(told, "objects", "told", name="load_object"),
        node(chunks, "params:size", "chunks", name="save_chunks"),
        node(first, "chunks", "chunks_read", name="load_chunks"),
        node(text("copying out a file"), "params:size", "file_out", name="file_out"),
        node(first, "file_out", "file_out_read", name="read_file_out"),
        node(text("copying in a file"), "params:size", "file_in", name="file_in"),
        node(first, "file_in", "file_in_read", name="read_file_in"),
        node(parts("copying out a directory"), "params:size", "parts_out", name="parts_out"),
        node(joined, "parts_out", "parts_out_read", name="read_parts_out"),
        node(parts("copying in a directory"), "params:size", "parts_in", name="parts_in"),
        node(joined, "parts_in", "parts_in_read", name="read_parts_in"),
    ]
"""

# Where each occasion kills.
KILLED = {
    "saving an object": "save_object",
    "saving in chunks": "save_chunks",
    "copying out a file": "file_out",
    "copying in a file": "read_file_in",
    "copying out a directory": "parts_out",
    "copying in a directory": "read_parts_in",
}
READ = ["told", *(f"{name}_read" for name in ("chunks", "file_out", "file_in"))]
READ += ["parts_out_read", "parts_in_read"]


def text(name: str) -> dict[str, Any]:
    return {"type": "text.TextDataset", "filepath": f"data/{name}.txt"}


def partitions(name: str) -> dict[str, Any]:
    return {
        "type": "partitions.PartitionedDataset",
        "path": f"data/{name}",
        "dataset": "text.TextDataset",
        "filename_suffix": ".txt",
    }


CATALOG = {
    **{name: text(name) for name in (*READ, "file_out", "file_in")},
    **{name: partitions(name) for name in ("parts_out", "parts_in")},
    "chunks": {**text("chunks"), "fs_args": {"open_args_save": {"mode": "a"}}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    path = tmp_path_factory.mktemp("killed")
    (path / "occasions").mkdir()
    package = "killed_tasks"
    return write_project(
        path / "project",
        package=package,
        nodes=NODES,
        parameters={"size": 100_000},
        catalog=CATALOG,
        mlflow=MLFLOW,
        settings=f"from {package} import killing  # noqa: F401",
        run_config={"retries": {"__default__": {"count": 1, "backoff": 0}}},
        files={f"src/{package}/killing.py": dedent(KILLING).format(folder=str(path / "occasions"))},
    )


@pytest.fixture(scope="module")
def run(project: KedroProject) -> LocalRun:
    """What ran as a job, and then, nothing being left to kill it, as `kedro run`."""
    run = run_once(project)
    kedro_run(project)
    return run


def test_the_run_ends_well(run: LocalRun) -> None:
    assert run.exit_code == 0, run.printed
    assert set(run.states().values()) == {"SUCCEEDED"}


@pytest.mark.parametrize("occasion", KILLED)
def test_the_task_was_killed_on_that_occasion(run: LocalRun, occasion: str) -> None:
    assert (run.project.path.parent / "occasions" / occasion).exists()
    assert run.tasks[KILLED[occasion]]["attempts"] == 2


def test_no_other_task_was_tried_again(run: LocalRun) -> None:
    again = {name for name, task in run.tasks.items() if task["attempts"] > 1}
    assert again == set(KILLED.values())
    assert run.printed.count("SIGKILL") == len(KILLED)


@pytest.mark.parametrize("name", READ)
def test_what_was_read_is_as_in_kedro_run(run: LocalRun, name: str) -> None:
    theirs = run.project.path / "data" / f"{name}.txt"
    assert run.output(f"{name}.txt").read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("name", ["file_out", "file_in", "chunks"])
def test_a_file_is_as_in_kedro_run(run: LocalRun, name: str) -> None:
    theirs = run.project.path / "data" / f"{name}.txt"
    assert run.outputs_by_path()[f"data/{name}.txt"].read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("name", ["parts_out", "parts_in"])
def test_a_directory_is_as_in_kedro_run(run: LocalRun, name: str) -> None:
    ours = files_of(run.outputs_by_path()[f"data/{name}"])
    assert len(ours) == 300
    assert ours == files_of(run.project.path / "data" / name)


def test_nothing_is_left_of_the_copies_where_results_are(run: LocalRun) -> None:
    results = [path for path in run.outputs_by_path().values() if path.is_dir()]
    assert results
    assert not [path for result in results for path in result.rglob(".*")]
