"""Interrupted runs, runs side by side, and what a killed command leaves."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from container_specs import (
    CONTAINERS,
    Recorder,
    SpecBuilder,
    by_name,
    containers,
    labelled,
    run,
    states,
    wait_for,
)
from docker_daemon import Engine
from local_specs import artifact_of

TESTS = Path(__file__).parents[1]
LONG = 'print("started"); time.sleep(600)'
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LONG
POLITE = f"""
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
{LONG}
"""


@contextmanager
def interrupted(log: Path) -> Iterator[None]:
    """Send Ctrl-C to this process once a task says that it runs."""

    def interrupt() -> None:
        wait_for(log, "started")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    yield
    thread.join()


def test_ctrl_c_asks_the_container_to_end_and_the_exit_handler_runs(
    engine: Engine, image: str, project: Path
) -> None:
    builder = (
        SpecBuilder()
        .run("long", POLITE)
        .finish('give("status", status["state"])', gives={"status": "STRING"})
    )
    log = project / ".vertexai/jobs/job/logs/long.log"
    with interrupted(log):
        job = run(containers(builder, image), project, grace_period=60)
    assert job.state == "CANCELLED"
    assert states(job)["long"] == "CANCELLED"
    assert by_name(job)["finish"].output_parameters == {"status": "CANCELLED"}
    assert log.read_text().splitlines()[-1] == "asked to end"


def test_python_that_handles_no_signal_ends_at_sigterm(
    engine: Engine, image: str, project: Path
) -> None:
    """As the first process of its container it would ignore it."""
    started = time.time()
    with interrupted(project / ".vertexai/jobs/job/logs/long.log"):
        job = run(containers(SpecBuilder().run("long", LONG), image), project, grace_period=20)
    assert states(job) == {"long": "CANCELLED"}
    sent = engine.client.events(
        since=int(started), until=int(time.time()) + 1, filters={"event": "kill"}, decode=True
    )
    # The engine looks back by whole seconds, in which another test's container may have ended.
    signals = [
        event["Actor"]["Attributes"]["signal"]
        for event in sent
        if event["timeNano"] >= started * 1e9
    ]
    assert signals == [str(int(signal.SIGTERM))]


def test_a_container_that_ignores_sigterm_is_killed(
    engine: Engine, image: str, project: Path
) -> None:
    with interrupted(project / ".vertexai/jobs/job/logs/long.log"):
        job = run(containers(SpecBuilder().run("long", STUBBORN), image), project, grace_period=0.5)
    assert states(job) == {"long": "CANCELLED"}
    assert labelled(engine.client, CONTAINERS) == []


def test_the_fast_policy_stops_what_runs(engine: Engine, image: str, project: Path) -> None:
    logs = project / ".vertexai/jobs/job/logs"
    builder = SpecBuilder().run("long", LONG).run("bad", 'time.sleep(1); sys.exit("no")')
    job = run(containers(builder, image), project, failure_policy="fast")
    assert states(job) == {"long": "CANCELLED", "bad": "FAILED"}
    assert (logs / "bad.log").read_text() == "no\n"


COMMAND = """
import json, sys
from pathlib import Path
from kedro_vertexai.targets.docker import DockerEngine, DockerOptions
from kedro_vertexai.targets.local import LocalOptions, PlainReporter, run_job
spec, project, name = sys.argv[1:]
job = run_job(
    json.loads(Path(spec).read_text()),
    job_name=name,
    project_path=Path(project),
    parameter_values={},
    options=LocalOptions(max_workers=2, engine=DockerEngine(DockerOptions())),
    reporter=PlainReporter(sys.stdout),
)
sys.exit(job.state != "SUCCEEDED")
"""


def command(spec: dict, project: Path, name: str) -> "subprocess.Popen[str]":
    """A run in a process of its own, as a user's other terminal would have it."""
    file = project.parent / f"{name}.json"
    file.write_text(json.dumps(spec))
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(file), str(project), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_what_a_killed_command_left_is_removed_by_the_next_run(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    child = command(containers(SpecBuilder().run("long", LONG), image), project, "killed")
    wait_for(project / ".vertexai/jobs/killed/logs/long.log", "started")
    child.kill()
    child.wait()
    assert [container.status for container in labelled(engine.client, CONTAINERS)] == ["running"]
    job = run(containers(SpecBuilder().run("next"), image), project, "next", recorder)
    assert job.state == "SUCCEEDED"
    assert recorder.warnings == ["removed 1 container that a killed command had left"]
    assert labelled(engine.client, CONTAINERS) == []


def test_sigterm_to_the_command_removes_its_containers(
    engine: Engine, image: str, project: Path
) -> None:
    child = command(containers(SpecBuilder().run("long", LONG), image), project, "ended")
    wait_for(project / ".vertexai/jobs/ended/logs/long.log", "started")
    child.terminate()
    assert child.wait(60) == 1
    assert labelled(engine.client, CONTAINERS) == []


def test_two_runs_side_by_side_leave_each_other_alone(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    waits = f"""
print("started")
go = pathlib.Path({str(project)!r}, ".vertexai/jobs/first/artifacts/go")
while not go.exists():
    time.sleep(0.05)
target("data").write_text("first")
"""
    builder = SpecBuilder().run("wait", waits, writes=("data",))
    first = command(containers(builder, image), project, "first")
    jobs = project / ".vertexai/jobs"
    wait_for(jobs / "first/logs/wait.log", "started")
    writes = SpecBuilder().run("wait", 'target("data").write_text("second")', writes=("data",))
    second = run(containers(writes, image), project, "second", recorder)
    assert (second.state, recorder.warnings) == ("SUCCEEDED", [])
    assert first.poll() is None
    (jobs / "first/artifacts/go").touch()
    assert first.wait(60) == 0, first.stdout.read() if first.stdout else ""
    for name in ("first", "second"):
        assert (jobs / name / "artifacts/wait/data").read_text() == name


def test_output_arrives_in_the_log_while_the_task_runs(
    engine: Engine, image: str, project: Path
) -> None:
    """The task ends only when its own first line has been seen."""
    go = project / ".vertexai/jobs/job/artifacts/go"
    code = f"""
print("first line")
while not os.path.exists({str(go)!r}):
    time.sleep(0.05)
"""

    def let_go() -> None:
        wait_for(project / ".vertexai/jobs/job/logs/talk.log", "first line")
        go.touch()

    thread = threading.Thread(target=let_go)
    thread.start()
    job = run(containers(SpecBuilder().run("talk", code), image), project)
    thread.join()
    assert job.state == "SUCCEEDED"


AS_A_USER = """
import os, sys
import docker.context, docker.errors, docker.transport, docker.types, urllib3.exceptions
from kedro_vertexai.targets.docker import engine, images, ownership, workplace
os.setgroups([])
os.setgid(int(sys.argv[4]))
os.setuid(int(sys.argv[4]))
"""


@pytest.fixture
def open_engine(engine: Engine, short_path: Path) -> Iterator[Engine]:
    """The engine, for every user of this machine."""
    socket = Path(engine.url.removeprefix("unix://"))
    for directory in (short_path, socket.parent):
        directory.chmod(0o755)
    before = socket.stat().st_mode
    socket.chmod(0o666)
    yield engine
    socket.chmod(before & 0o777)


def test_without_root_outputs_become_yours_too(
    open_engine: Engine, image: str, short_path: Path
) -> None:
    """Of a third user: neither root nor the image's own."""
    me = 1234
    project = short_path / "project"
    project.mkdir()
    writes = 'target("data").mkdir(mode=0o700); (target("data") / "part").write_text("made")'
    reads = 'give("text", (source("data") / "part").read_text())'
    builder = (
        SpecBuilder()
        .run("write", writes, writes=("data",))
        .run(
            "read",
            reads,
            artifacts={"data": artifact_of("write", "data")},
            gives={"text": "STRING"},
        )
    )
    (short_path / "spec.json").write_text(json.dumps(containers(builder, image)))
    os.chown(project, me, me)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            AS_A_USER + COMMAND.replace("sys.argv[1:]", "sys.argv[1:4]"),
            str(short_path / "spec.json"),
            str(project),
            "job",
            str(me),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.lstat().st_uid for path in project.rglob("*")} == {me}
    assert "Warning" not in done.stdout
