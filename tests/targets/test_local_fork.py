"""Tasks forked from a warm process behave as tasks in fresh processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_specs import is_gone

from kedro_vertexai.errors import TaskError
from kedro_vertexai.targets.local.fork_launcher import ForkLauncher
from kedro_vertexai.targets.local.launcher import (
    NO_FORK,
    RUNTIME,
    Command,
    Launcher,
    SubprocessLauncher,
    can_fork,
)
from kedro_vertexai.targets.local.local_launcher import LocalLauncher

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")

# The stand-in for the runtime: runs the code it is given.
WORKER = """\
import os, sys, time
IMPORTED_IN = os.getpid()
def main(argv):
    scope = {**globals(), "argv": argv}
    exec(argv[0], scope)
    return scope.get("code", 0)
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


class Bench:
    """A directory with a stand-in module, and a fork server that has it warm."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.site = path / "site"
        self.site.mkdir()
        (self.site / "worker.py").write_text(WORKER)
        import_path = f"{self.site}{os.pathsep}{os.environ['PYTHONPATH']}"
        self.env = {**os.environ, "PYTHONPATH": import_path, "PYTHONUNBUFFERED": "1"}
        self.launcher: ForkLauncher | None = None
        self.count = 0

    def server(self, *warm: str) -> ForkLauncher:
        self.launcher = ForkLauncher(self.env, self.path / "server.log", warm, module="worker")
        return self.launcher

    def command(self, code: str, *args: str, **env: str) -> Command:
        self.count += 1
        cwd = self.path / f"work-{self.count}"
        cwd.mkdir()
        return Command(
            image="",
            argv=("python", "-m", RUNTIME, code, *args),
            env={**self.env, **env},
            cwd=cwd,
            log=self.path / f"{self.count}.log",
        )

    def run(self, launcher: Launcher, code: str, *args: str, **env: str) -> tuple[int, str]:
        command = self.command(code, *args, **env)
        returncode = launcher.start(command).wait()
        return returncode, command.log.read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    if bench.launcher is not None:
        bench.launcher.close()


def test_a_fork_is_like_a_fresh_process(bench: Bench) -> None:
    code = (
        "import json, signal\n"
        "print(json.dumps([argv, os.getcwd(), sys.path[0], os.environ['X'], sys.argv[1:],"
        " sys.stdin.read(), os.getsid(0) == os.getpid(),"
        " signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,"
        " signal.getsignal(signal.SIGINT) == signal.default_int_handler,"
        " signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,"
        " sys.modules['__main__'].__file__.endswith('worker.py'),"
        " sorted(map(int, os.listdir('/proc/self/fd')))[:3]]))\n"
        "print('error', file=sys.stderr)"
    )
    returncode, log = bench.run(bench.server(), code, "ä b", X="1")
    assert returncode == 0
    first, second = log.splitlines()
    cwd = str(bench.path / "work-1")
    expected = [[code, "ä b"], cwd, cwd, "1", [code, "ä b"], "", *[True] * 5, [0, 1, 2]]
    assert json.loads(first) == expected
    assert second == "error"


def test_no_file_of_the_server_is_open(bench: Bench) -> None:
    _, log = bench.run(bench.server(), "print(len(os.listdir('/proc/self/fd')))")
    # Its three standard streams, and the directory being listed.
    assert int(log) == 4


def test_imports_are_done_once_and_by_the_server(bench: Bench) -> None:
    (bench.site / "heavy.py").write_text("import os; where = os.getpid(); raise_later = 1\n")
    launcher = bench.server("heavy", "no_such_module")
    code = "import heavy, worker; print(heavy.where, worker.IMPORTED_IN, os.getppid())"
    for _ in range(2):
        heavy, worker, parent = bench.run(launcher, code)[1].split()
        assert heavy == worker == parent
    assert "cannot import no_such_module" in (bench.path / "server.log").read_text()


@pytest.mark.parametrize(
    ("code", "returncode", "log"),
    [
        ("code = 0", 0, ""),
        ("code = None", 0, ""),
        ("code = 5", 5, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('why')", 1, "why\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("os._exit(9)", 9, ""),
        ("os.kill(os.getpid(), 9)", -9, ""),
        ("sys.stdout.write('no end of line')", 0, "no end of line"),
        ("import atexit; atexit.register(print, 'bye')", 0, "bye\n"),
        ("from threading import Timer; Timer(0.2, print, ['late']).start()", 0, "late\n"),
    ],
)
def test_how_it_ends(bench: Bench, code: str, returncode: int, log: str) -> None:
    assert bench.run(bench.server(), code) == (returncode, log)


def test_an_exception_shows_the_tasks_own_frames(bench: Bench) -> None:
    returncode, log = bench.run(bench.server(), "raise ValueError('boom')")
    assert returncode == 1
    assert log.endswith("ValueError: boom\n")
    assert "fork_server" not in log


def test_a_module_that_cannot_be_imported_fails_in_the_task(bench: Bench) -> None:
    (bench.site / "worker.py").write_text("raise RuntimeError('broken')")
    returncode, log = bench.run(bench.server(), "pass")
    assert (returncode, log.splitlines()[-1]) == (1, "RuntimeError: broken")


def test_random_numbers_differ(bench: Bench) -> None:
    pytest.importorskip("numpy")
    launcher = bench.server("random", "numpy.random")
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    numbers = [number for _ in range(2) for number in bench.run(launcher, code)[1].split()]
    assert len(set(numbers)) == 4


def test_a_node_that_forks(bench: Bench) -> None:
    code = (
        "child = os.fork()\nif child: os.waitpid(child, 0)\nprint('parent' if child else 'child')"
    )
    returncode, log = bench.run(bench.server(), code)
    assert returncode == 0
    assert sorted(log.split()) == ["child", "parent"]
    assert bench.run(bench.launcher, "print(1)") == (0, "1\n")  # type: ignore[arg-type]


def test_what_a_task_leaves_running_is_killed(bench: Bench) -> None:
    code = (
        "import subprocess\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    )
    _, log = bench.run(bench.server(), code)
    assert is_gone(int(log))


def test_many_at_once(bench: Bench) -> None:
    launcher = bench.server()
    commands = [
        bench.command(f"time.sleep(0.2); print('x' * 100_000); code = {n}") for n in range(20)
    ]
    processes = [launcher.start(command) for command in commands]
    assert [process.wait() for process in processes] == list(range(20))
    assert all(command.log.stat().st_size == 100_001 for command in commands)


SLEEP = "print(os.getpid()); time.sleep(60)"


def started(bench: Bench, launcher: Launcher, code: str = SLEEP) -> tuple[Any, int]:
    command = bench.command(code)
    process = launcher.start(command)
    for _ in range(500):
        if command.log.exists() and command.log.read_text().endswith("\n"):
            return process, int(command.log.read_text())
        time.sleep(0.02)
    raise AssertionError("the task did not start")


def test_signals_reach_the_whole_group(bench: Bench) -> None:
    code = (
        "import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid)\n"
        "child.wait(); time.sleep(60)"
    )
    process, child = started(bench, bench.server(), code)
    process.signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    assert is_gone(child)


def test_closing_leaves_nothing_running(bench: Bench) -> None:
    launcher = bench.server()
    process, pid = started(bench, launcher)
    launcher.close()
    with pytest.raises(TaskError, match="is gone"):
        process.wait()
    assert is_gone(pid)


def test_a_killed_server_leaves_nothing_running(bench: Bench) -> None:
    launcher = bench.server()
    process, pid = started(bench, launcher)
    os.kill(parent_of(pid), signal.SIGKILL)
    with pytest.raises(TaskError, match="is gone"):
        process.wait()
    assert is_gone(pid)
    # The exit handler must still be able to run.
    command = bench.command("pass")
    assert not launcher.suits(command)
    with pytest.raises(TaskError):
        launcher.start(command)


def test_a_killed_parent_leaves_nothing_running(bench: Bench) -> None:
    driver = (
        "import os, pathlib, sys\n"
        "from kedro_vertexai.targets.local.fork_launcher import ForkLauncher\n"
        "from kedro_vertexai.targets.local.launcher import Command\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "launcher = ForkLauncher(dict(os.environ), path / 'log', module='worker')\n"
        f"argv = ('python', '-m', {RUNTIME!r}, {SLEEP!r})\n"
        "launcher.start(Command('', argv, dict(os.environ), path, path / 'task.log')).wait()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", driver, str(bench.path)], env=bench.env)
    log = bench.path / "task.log"
    for _ in range(500):
        if log.exists() and log.read_text().endswith("\n"):
            break
        time.sleep(0.02)
    pid = int(log.read_text())
    server = parent_of(pid)
    parent.kill()
    parent.wait()
    assert is_gone(pid)
    assert is_gone(server)


def test_threads_are_a_reason_not_to_fork(bench: Bench) -> None:
    (bench.site / "threaded.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=[60], name='pest', daemon=True).start()\n"
    )
    forks = bench.server("threaded")
    warnings: list[str] = []
    launcher = LocalLauncher(forks, warnings.append)
    for _ in range(2):
        command = bench.command("pass")
        argv = ("python", "-c", "print('fresh')")
        assert not forks.suits(command)
        fresh = Command("", argv, command.env, command.cwd, command.log)
        assert launcher.start(fresh).wait() == 0
        assert command.log.read_text() == "fresh\n"
    assert len(warnings) == 1
    assert "pest" in warnings[0]
    launcher.close()


def test_what_a_running_interpreter_cannot_take_over(bench: Bench) -> None:
    forks = bench.server()
    assert forks.suits(bench.command("pass", X="1", PYTHONPATH="/elsewhere"))
    assert not forks.suits(bench.command("pass", PYTHONHASHSEED="1"))
    command = bench.command("pass")
    other = Command("", ("python", "-c", "pass"), command.env, command.cwd, command.log)
    assert not forks.suits(other)


def test_forking_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NO_FORK, raising=False)
    assert can_fork()
    monkeypatch.setenv(NO_FORK, "0")
    assert not can_fork()


def test_import_path_of_the_task(bench: Bench) -> None:
    own = bench.path / "own"
    own.mkdir()
    (own / "mine.py").write_text("x = 1\n")
    path = f"{own}{os.pathsep}{bench.env['PYTHONPATH']}"
    assert bench.run(bench.server(), "import mine; print(mine.x)", PYTHONPATH=path) == (0, "1\n")
    _, log = bench.run(bench.launcher, "print(sys.path[0])")  # type: ignore[arg-type]
    assert log.strip() == str(bench.path / "work-2")


def test_a_fresh_process_runs_the_same_command(bench: Bench) -> None:
    (bench.site / "fake" / "kedro_vertexai_like").mkdir(parents=True)
    command = bench.command("print('x'); code = 4")
    argv = ("python", "-m", "worker", *command.argv[3:])
    fresh = Command("", argv, command.env, command.cwd, command.log)
    assert SubprocessLauncher().start(fresh).wait() == 4
    assert command.log.read_text() == "x\n"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
