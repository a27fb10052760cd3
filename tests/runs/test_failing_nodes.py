"""A task that does not do its work fails, says why, and takes only what needs it along."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from local_run import LocalRun, mlflow_runs, run_once
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import os
    import signal
    import sys
    import threading
    import time


    def raises(value):
        raise ValueError("no such\\n  price: $(5)")


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
            return pid
        time.sleep(300)
        os._exit(0)


    def leaves_a_daemon(value):
        if pid := os.fork():
            return pid
        os.setsid()
        time.sleep(20)
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
        yield value
        yield value + 1


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
        node(aborts, "params:start", None, name="aborts_without_outputs"),
        of(locks, "locks"),
        node(first, "locks", None, name="reads_lock"),
        of(cannot_come_back, "cannot_come_back"),
        node(first, "cannot_come_back", None, name="cannot_load"),
        of(gives_nothing, "gives_nothing"),
        of(talks, "talks"),
        of(leaves_a_child, "leaves_a_child"),
        of(leaves_a_daemon, "leaves_a_daemon"),
        of(yields, "yields"),
        of(first, "after_yields", "yields"),
        of(first, "well"),
        node(lambda pid, well: pid, ["leaves_a_child", "well"], "child", name="child"),
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

CATALOG = """
    after_yields: {type: text.TextDataset, filepath: data/after_yields.txt}
    child: {type: pickle.PickleDataset, filepath: data/child.pkl}
    "{any}":
      type: kedro.io.MemoryDataset
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    path = tmp_path_factory.mktemp("failing")
    return write_project(path, nodes=NODES, parameters={"start": 1, "counter": str(path / "tries")})


@pytest.fixture(scope="module")
def bad(project: KedroProject) -> LocalRun:
    return run_once(project)
