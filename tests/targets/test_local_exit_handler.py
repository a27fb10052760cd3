"""Sub-DAGs, the exit handler, and what it is told; cancelling as a user does it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from local_specs import SpecBuilder, by_name, outer, parameter_of, run, states

TELL_STATUS = 'give("out", parameters)'


def finished(builder: SpecBuilder, code: str = TELL_STATUS, **fields: Any) -> SpecBuilder:
    return builder.finish(code, gives={"out": "STRUCT"}, **fields)


def test_success(project: Path) -> None:
    spec = (
        SpecBuilder()
        .parameter("p", "STRING", defaultValue="default")
        .run(
            "a",
            'give("out", parameters["p"])',
            parameters={"p": outer("p")},
            gives={"out": "STRING"},
        )
        .run(
            "b",
            'give("out", parameters["x"] + "!")',
            parameters={"x": parameter_of("a", "out")},
            gives={"out": "STRING"},
        )
    )
    job = run(finished(spec), project, values={"p": "given"})
    tasks = by_name(job)
    assert job.state == "SUCCEEDED"
    assert job.error is None
    assert tasks["b"].output_parameters == {"out": "given!"}
    assert tasks["finish"].output_parameters["out"]["status"] == {
        "state": "SUCCEEDED",
        "pipeline_job_name": "job",
        "pipeline_job_resource_name": "projects/local/locations/local/pipelineJobs/job",
        "pipeline_task_name": "exit-handler-1",
        "error": {},
    }


def test_failure(project: Path) -> None:
    spec = (
        SpecBuilder()
        .run("a", "sys.exit(1)")
        .run("b", "time.sleep(0.2); sys.exit(1)")
        .run("c", dependentTasks=["a"])
    )
    job = run(finished(spec), project)
    assert states(job) == {"a": "FAILED", "b": "FAILED", "c": "SKIPPED", "finish": "SUCCEEDED"}
    assert job.state == "FAILED"
    assert job.error == "task 'a' failed: exit code 1 (and 1 more failed)"
    status = by_name(job)["finish"].output_parameters["out"]["status"]
    assert status["state"] == "FAILED"
    assert status["error"] == {
        "code": 9,
        "message": ("The DAG failed because some tasks failed. The failed tasks are: [a, b]."),
    }


@pytest.mark.parametrize("policy", ["slow", "fast"])
def test_the_handler_runs_once_everything_else_ended(project: Path, policy: str) -> None:
    spec = finished(SpecBuilder().run("a", "sys.exit(1)").run("b", "time.sleep(0.3)"))
    tasks = by_name(run(spec, project, failure_policy=policy))
    assert tasks["finish"].state == "SUCCEEDED"
    assert tasks["finish"].start is not None
    assert tasks["b"].end is not None
    assert tasks["finish"].start >= tasks["b"].end


def test_a_handler_that_fails(project: Path) -> None:
    spec = finished(SpecBuilder().run("a"), 'sys.exit("no server")')
    job = run(spec, project)
    assert job.state == "FAILED"
    assert job.error == "the exit handler 'finish' failed: no server"


def test_a_handler_that_fails_too(project: Path) -> None:
    spec = finished(SpecBuilder().run("a", 'sys.exit("first")'), 'sys.exit("second")')
    job = run(spec, project)
    assert job.error == "task 'a' failed: first; the exit handler 'finish' failed too: second"


DRIVER = """\
import json, pathlib, sys
from kedro_vertexai.targets.local import LocalOptions, PlainReporter, run_job
job = run_job(
    json.loads(pathlib.Path(sys.argv[1]).read_text()),
    job_name="job",
    project_path=pathlib.Path(sys.argv[2]),
    parameter_values={},
    options=LocalOptions(max_workers=2, grace_period=float(sys.argv[3])),
    reporter=PlainReporter(sys.stdout),
)
sys.exit({"SUCCEEDED": 0, "FAILED": 1, "CANCELLED": 3}[job.state])
"""


class Driven:
    """A job in a process of its own, which can be interrupted."""

    def __init__(self, spec: SpecBuilder, project: Path, grace_period: float = 10.0) -> None:
        self.path = project / ".vertexai" / "jobs" / "job"
        file = project / "spec.json"
        file.write_text(json.dumps(spec.spec()))
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(file), str(project), str(grace_period)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_for_log(self, task: str, text: str) -> None:
        log = self.path / "logs" / f"{task}.log"
        for _ in range(500):
            if log.exists() and text in log.read_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"{task} never said {text}")

    def end(self) -> tuple[int, dict[str, Any], str]:
        output, _ = self.process.communicate(timeout=30)
        job = json.loads((self.path / "job.json").read_text())
        return self.process.returncode, job, output


def _states(job: dict[str, Any]) -> dict[str, str]:
    return {task["name"]: task["state"] for task in job["tasks"]}


SLEEP = 'print("started", os.getpid(), flush=True); time.sleep(60)'
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancel(project: Path, number: signal.Signals) -> None:
    spec = finished(SpecBuilder().run("a", SLEEP).run("b", dependentTasks=["a"]))
    driven = Driven(spec, project)
    driven.wait_for_log("a", "started")
    driven.process.send_signal(number)
    code, job, output = driven.end()
    assert (code, job["state"]) == (3, "CANCELLED")
    assert _states(job) == {"a": "CANCELLED", "b": "SKIPPED", "finish": "SUCCEEDED"}
    status = job["tasks"][-1]["output_parameters"]["out"]["status"]
    assert status["state"] == "CANCELLED"
    assert status["error"]["code"] == 1
    assert "interrupt again to kill them" in output


def test_cancel_twice_kills(project: Path) -> None:
    driven = Driven(finished(SpecBuilder().run("a", DEAF + SLEEP)), project)
    driven.wait_for_log("a", "started")
    driven.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert driven.process.poll() is None
    driven.process.send_signal(signal.SIGINT)
    code, job, _ = driven.end()
    assert code == 3
    assert _states(job) == {"a": "CANCELLED", "finish": "SUCCEEDED"}


def test_cancel_while_a_retry_is_due(project: Path) -> None:
    policy = {"maxRetryCount": 5, "backoffDuration": "60s"}
    code = 'print("started", flush=True); sys.exit(1)'
    driven = Driven(finished(SpecBuilder().run("a", code, retryPolicy=policy)), project)
    driven.wait_for_log("a", "started")
    time.sleep(0.2)
    driven.process.send_signal(signal.SIGINT)
    _, job, _ = driven.end()
    assert _states(job) == {"a": "CANCELLED", "finish": "SUCCEEDED"}


def test_an_interrupt_does_not_harm_the_exit_handler(project: Path) -> None:
    code = 'print("started", flush=True); time.sleep(0.7)\n' + TELL_STATUS
    driven = Driven(finished(SpecBuilder().run("a"), code), project)
    driven.wait_for_log("finish", "started")
    driven.process.send_signal(signal.SIGINT)
    code, job, output = driven.end()
    assert (code, job["state"]) == (0, "SUCCEEDED")
    assert "the job ends after it" in output


def test_three_interrupts_end_even_the_exit_handler(project: Path) -> None:
    driven = Driven(finished(SpecBuilder().run("a"), SLEEP), project)
    driven.wait_for_log("finish", "started")
    for _ in range(3):
        driven.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    code, job, _ = driven.end()
    assert code == 3
    assert _states(job) == {"a": "SUCCEEDED", "finish": "CANCELLED"}


def test_the_terminal_does_not_reach_the_tasks(project: Path) -> None:
    spec = SpecBuilder().run(
        "a",
        'give("out", [os.getsid(0) == os.getpid(), sys.stdin.read()])',
        gives={"out": "LIST"},
    )
    job = run(spec, project)
    assert by_name(job)["a"].output_parameters["out"] == [True, ""]
