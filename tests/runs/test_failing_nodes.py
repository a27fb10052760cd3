"""A task that does not do its work fails, says why, and takes only what needs it along."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from local_run import LocalRun, ends, run_once
from project_factory import MLFLOW, VERTEXAI, KedroProject, write_project

NODES = """
    import os
    import signal
    import sys
    import threading
    import time


    def raises(value):
        raise ValueError("no such\\n  price: $(5)")


    def asks_signed(value):
        secret = "4711-" + "open-sesame"
        raise OSError(f"403 for url: https://example.com/x.json?alt=media&sig={secret}")


    def exits(code):
        return lambda value: sys.exit(code)


    def killed(value):
        os.kill(os.getpid(), signal.SIGKILL)


    def aborts(value):
        os._exit(0)


    def talks(value):
        for _ in range(1024):
            print("x" * 1023)
        print("last words", file=sys.stderr)
        return value


    def leaves_a_child(value):
        if pid := os.fork():
            return str(pid)
        time.sleep(300)
        os._exit(0)


    class Guarded:
        def __init__(self):
            self.lock = threading.Lock()


    def locks(value):
        return Guarded()


    def cannot_come_back(value):
        return ReadOnce()


    class ReadOnce:
        def __reduce__(self):
            return (int, ("not a number",))


    def yields(value):
        yield f"first, {value}"
        yield "last"


    def yields_once(value):
        yield "one"
        raise ValueError("no more")


    def gives_nothing(value):
        return None


    def fails_once(counter):
        with open(counter, "a") as tries:
            tries.write("x")
        if os.path.getsize(counter) == 1:
            raise OSError("not yet")
        return "at last"


    def waits(value):
        time.sleep(60)


    def of(function, name, reads="params:start"):
        return node(function, reads, name, name=name)


    bad = [
        of(raises, "raises"),
        of(first, "needs_it", "raises"),
        of(exits(0), "exits_0"),
        of(exits(3), "exits_3"),
        of(exits("out of money"), "exits_with_words"),
        node(exits(0), "params:start", None, name="exits_0_without_outputs"),
        of(killed, "killed"),
        of(aborts, "aborts"),
        node(first, "aborts", None, name="reads_aborts"),
        node(locks, "params:start", "lock", name="locks"),
        node(first, "lock", None, name="reads_lock"),
        of(cannot_come_back, "cannot_come_back"),
        node(first, "cannot_come_back", None, name="cannot_load"),
        of(gives_nothing, "gives_nothing"),
        of(talks, "talks"),
        node(leaves_a_child, "params:start", "child", name="leaves_a_child"),
        of(yields, "yields"),
        of(first, "after_yields", "yields"),
        of(yields_once, "yields_once"),
        of(first, "well"),
        of(lambda value: "text", "elsewhere"),
        of(first, "reads_signed", "signed"),
        of(asks_signed, "asks_signed"),
    ]
    PIPELINES = {
        "__default__": Pipeline(bad),
        "raising": Pipeline([of(first, "well"), of(raises, "raises", "well")]),
        "killing": Pipeline([of(killed, "killed")]),
        "flaky": Pipeline([of(fails_once, "fails_once", "params:counter")]),
        "waiting": Pipeline([
            of(raises, "raises"), of(waits, "waits"), of(first, "never", "waits")
        ]),
    }
"""

CATALOG = {
    name: {"type": "text.TextDataset", "filepath": f"data/{name}.txt"}
    for name in ("after_yields", "child")
}
# The path that it has in a task is not the one that it had when the pipeline was compiled.
CATALOG["elsewhere"] = {
    "type": "text.TextDataset",
    "filepath": "data/${env:KEDRO_CONFIG_JOB_NAME}.txt",
}
SIGNATURE = "4711-open-sesame"
CATALOG["signed"] = {
    "type": "json.JSONDataset",
    "filepath": f"https://127.0.0.1:9/x.json?X-Goog-Expires=600&X-Goog-Signature={SIGNATURE}",
}
SETTINGS = """
    import os

    CONFIG_LOADER_ARGS = {
        "base_env": "base",
        "default_run_env": "local",
        "custom_resolvers": {"env": lambda name: os.environ.get(name, "unknown")},
    }
"""

# Kedro replaces a section of base as a whole.
FAST = {**VERTEXAI, "run_config": {**VERTEXAI["run_config"], "failure_policy": "fast"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    path = tmp_path_factory.mktemp("failing")
    return write_project(
        path,
        nodes=NODES,
        parameters={"start": 1, "counter": str(path / "tries")},
        catalog=CATALOG,
        settings=SETTINGS,
        run_config={"retries": {"fails_once": {"count": 2, "backoff": 0.1}}},
        files={
            "conf/tracked/mlflow.yml": yaml.safe_dump(MLFLOW),
            "conf/fast/vertexai.yml": yaml.safe_dump(FAST),
        },
    )


@pytest.fixture(scope="module")
def bad(project: KedroProject) -> LocalRun:
    return run_once(project)


@pytest.fixture(scope="module")
def raising(project: KedroProject) -> LocalRun:
    return run_once(project, "-p", "raising", kedro_env="tracked")


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("raises", "node 'raises' failed: ValueError: no such price: $(5)"),
        ("yields_once", "node 'yields_once' failed: ValueError: no more"),
        ("exits_3", "node 'exits_3' failed: SystemExit: 3"),
        ("exits_with_words", "node 'exits_with_words' failed: SystemExit: out of money"),
        ("killed", "killed by signal 9 (SIGKILL)"),
        (
            "gives_nothing",
            "node 'gives_nothing' failed: DatasetError: gives_nothing: Saving 'None'",
        ),
        ("elsewhere", "task: dataset 'elsewhere' was not saved at data/unknown.txt"),
        ("cannot_load", "node 'cannot_load' failed: DatasetError: cannot_come_back:"),
    ],
)
def test_a_task_says_in_one_line_why_it_failed(bad: LocalRun, task: str, reason: str) -> None:
    assert bad.tasks[task]["state"] == "FAILED"
    assert bad.tasks[task]["error"].startswith(reason)
    assert f"{task}: {reason}" in bad.printed


@pytest.mark.parametrize("task", ["exits_0", "exits_0_without_outputs", "aborts"])
def test_exit_code_0_before_the_outputs_are_there_is_no_success(bad: LocalRun, task: str) -> None:
    assert bad.tasks[task]["state"] == "FAILED"


def test_what_cannot_be_pickled_is_named_with_its_node_and_type(
    project: KedroProject, bad: LocalRun
) -> None:
    error = bad.tasks["locks"]["error"]
    assert "node 'locks' failed" in error
    assert f"dataset 'lock' is a {project.package}.nodes.Guarded, which cannot be pickled" in error
    assert "cannot pickle '_thread.lock' object" in error


@pytest.mark.parametrize(
    ("task", "needs"), [("needs_it", "raises"), ("reads_lock", "locks"), ("reads_aborts", "aborts")]
)
def test_what_needs_a_failed_task_is_skipped(bad: LocalRun, task: str, needs: str) -> None:
    assert bad.tasks[task]["state"] == "SKIPPED"
    assert bad.tasks[task]["error"] == f"it needs '{needs}', which failed"


@pytest.mark.parametrize("task", ["well", "talks", "leaves_a_child", "yields", "after_yields"])
def test_what_does_not_need_a_failed_task_runs(bad: LocalRun, task: str) -> None:
    assert bad.tasks[task]["state"] == "SUCCEEDED", bad.tasks[task]["error"]


def test_the_exit_code_is_1_and_each_log_is_shown(bad: LocalRun) -> None:
    assert bad.exit_code == 1
    assert bad.state == "FAILED"
    for task in bad.tasks.values():
        if task["state"] == "FAILED":
            log = Path(task["log_path"])
            assert f"log: {log.relative_to(bad.project.path)}" in bad.printed
            assert log.is_file()


def test_a_traceback_is_in_the_log(bad: LocalRun) -> None:
    assert "in raises" in bad.log("raises")
    assert "Traceback" not in bad.printed


def test_what_signs_a_url_is_in_no_log_and_no_message(bad: LocalRun) -> None:
    assert "X-Goog-Expires=600&X-Goog-Signature=***" in bad.tasks["reads_signed"]["error"]
    assert "X-Goog-Expires=600&X-Goog-Signature=***" in bad.log("reads_signed")
    assert "alt=media&sig=***" in bad.tasks["asks_signed"]["error"]
    told = [bad.job / "job.json", bad.job / "pipeline.json", *(bad.job / "logs").iterdir()]
    assert not [file.name for file in told if SIGNATURE in file.read_text(errors="replace")]
    assert SIGNATURE not in bad.printed


def test_a_megabyte_of_output_is_in_the_log_and_only_there(bad: LocalRun) -> None:
    log = bad.log("talks")
    assert log.count("x" * 1023 + "\n") == 1024
    assert "last words" in log
    assert "xxxxxxxx" not in bad.printed


def test_a_forked_child_does_not_outlive_its_task(bad: LocalRun) -> None:
    assert ends(int(bad.output("child.txt").read_text()))


def test_a_generator_leaves_its_last_chunk_as_in_kedro_run(bad: LocalRun) -> None:
    assert bad.output("after_yields.txt").read_text() == "last"


def test_the_mlflow_run_is_failed_and_names_the_node(raising: LocalRun) -> None:
    run = raising.mlflow_run()
    assert raising.exit_code == 1
    assert run.info.status == "FAILED"
    assert run.data.tags["vertexai_failed_node"] == "raises"
    assert run.data.tags["vertexai_error"] == "ValueError: no such price: $(5)"
    assert "vertexai_failed_node: raises" in raising.printed


def test_the_mlflow_run_names_a_node_that_was_killed(project: KedroProject) -> None:
    run = run_once(project, "-p", "killing", kedro_env="tracked").mlflow_run()
    assert run.info.status == "FAILED"
    assert run.data.tags["vertexai_failed_node"] == "killed"


def test_a_task_that_succeeds_when_tried_again_leaves_no_trace_of_failure(
    project: KedroProject,
) -> None:
    flaky = run_once(project, "-p", "flaky", kedro_env="tracked")
    run = flaky.mlflow_run()
    assert flaky.exit_code == 0, flaky.printed
    assert flaky.tasks["fails_once"]["attempts"] == 2
    assert "OSError: not yet" in flaky.printed
    assert run.info.status == "FINISHED"
    assert not {"vertexai_failed_node", "vertexai_error"} & set(run.data.tags)


def test_fail_fast_stops_what_runs_and_starts_nothing(project: KedroProject) -> None:
    fast = run_once(project, "-p", "waiting", kedro_env="fast")
    assert fast.exit_code == 1
    assert fast.states() == {"raises": "FAILED", "waits": "CANCELLED", "never": "SKIPPED"}
    assert fast.tasks["waits"]["error"] == "stopped because 'raises' failed"
