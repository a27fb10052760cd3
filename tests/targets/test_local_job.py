"""What happens to tasks and their data in one local job."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from local_specs import (
    Recorder,
    SpecBuilder,
    artifact_of,
    by_name,
    constant,
    is_gone,
    outer,
    parameter_of,
    run,
    states,
)

from kedro_vertexai.errors import RunError

RETRY_AT_ONCE = {"maxRetryCount": 2, "backoffDuration": "0s"}


def test_artifacts_and_parameters_pass_from_task_to_task(project: Path) -> None:
    spec = (
        SpecBuilder()
        .run(
            "make",
            'target("data").write_text("hello"); give("count", 3); give("word", "3")\n'
            'tell(artifacts={"data": {"artifacts": [{"metadata": {"rows": 1}}]}})',
            gives={"count": "NUMBER_INTEGER", "word": "STRING"},
            writes=("data",),
        )
        .run(
            "use",
            'seen = given["inputs"]["artifacts"]["data"]["artifacts"][0]["metadata"]\n'
            'tell(parameterValues={"all": [source("data").read_text(), parameters, seen]})',
            parameters={
                "count": parameter_of("make", "count"),
                "word": parameter_of("make", "word"),
            },
            types={"count": "NUMBER_INTEGER"},
            artifacts={"data": artifact_of("make", "data")},
            gives={"all": "LIST"},
        )
    )
    job = run(spec, project)
    assert job.state == "SUCCEEDED"
    assert [task.name for task in job.tasks] == ["make", "use"]
    task = by_name(job)["use"]
    assert task.output_parameters["all"] == ["hello", {"count": 3, "word": "3"}, {"rows": 1}]
    output = by_name(job)["make"].outputs["data"]
    assert output.uri == str(project / ".vertexai/jobs/job/artifacts/make/data")
    assert (output.metadata, output.schema_title) == ({"rows": 1}, "system.Dataset")
    assert task.duration is not None
    assert task.attempts == 1


@pytest.mark.parametrize(
    "value",
    ["'", '"', "$(touch x)", "`id`", "a\nb", "{{$}}", "{{$.pipeline_job_name}}", "ünï", "", " "],
)
def test_values_arrive_as_they_are(project: Path, value: str) -> None:
    spec = (
        SpecBuilder()
        .parameter("p", "STRING")
        .run(
            "a",
            'give("out", parameters["p"])',
            parameters={"p": outer("p")},
            gives={"out": "STRING"},
        )
    )
    job = run(spec, project, values={"p": value})
    assert by_name(job)["a"].output_parameters == {"out": value}
    assert not list((project / ".vertexai").rglob("x"))


def test_exact_numbers_and_nulls(project: Path) -> None:
    value = {"big": 2**53 + 1, "null": None, "one": 1, "list": [1.0, "x"]}
    spec = (
        SpecBuilder()
        .parameter("p", "STRUCT")
        .parameter("n", "NUMBER_INTEGER", defaultValue=5.0)
        .run(
            "a",
            'give("out", parameters)',
            parameters={"p": outer("p"), "n": outer("n")},
            types={"p": "STRUCT", "n": "NUMBER_INTEGER"},
            gives={"out": "STRUCT"},
        )
    )
    out = by_name(run(spec, project, values={"p": value}))["a"].output_parameters["out"]
    assert out == {"p": value, "n": 5}
    assert isinstance(out["n"], int)


def test_job_placeholders_in_constants_and_arguments(project: Path) -> None:
    code = 'give("out", [parameters, sys.argv[2:]])'
    spec = SpecBuilder().run(
        "a",
        code,
        parameters={
            "name": constant("{{$.pipeline_job_name}}"),
            "id": constant("{{$.pipeline_job_uuid}}"),
            "part": constant("x-{{$.pipeline_job_name}}"),
        },
        gives={"out": "LIST"},
    )
    argv = spec.executors["exec-a"]["container"]["command"]
    argv += ["{{$.pipeline_job_name}}", "{{$.inputs.parameters['part']}}", "{{$.unknown}}"]
    job = run(spec, project, job_name="my-job")
    parameters, arguments = by_name(job)["a"].output_parameters["out"]
    # A constant that only contains a placeholder is not resolved by every engine.
    assert parameters == {"name": "my-job", "id": job.job_id, "part": "x-{{$.pipeline_job_name}}"}
    assert arguments == ["my-job", "x-{{$.pipeline_job_name}}", "{{$.unknown}}"]


def test_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE", "1")
    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"] + f":{project / 'src'}")
    code = (
        'give("out", [os.environ[name] for name in ("OUTSIDE", "A", "B", "KEDRO_VERTEXAI_TARGET")]'
        ' + [os.environ["PYTHONPATH"].split(":")[-1], os.getcwd()])'
    )
    spec = SpecBuilder().run("a", code, env={"A": "1", "B": "1"}, gives={"out": "LIST"})
    job = run(spec, project, env={"B": "2"})
    *values, path, cwd = by_name(job)["a"].output_parameters["out"]
    assert values == ["1", "1", "2", "local"]
    assert path == f"{cwd}/src"


def test_a_failure_skips_what_needs_it_and_nothing_else(project: Path) -> None:
    spec = (
        SpecBuilder()
        .run("a", 'print("fine"); raise ValueError("boom")', writes=("out",))
        .run("b", artifacts={"in": artifact_of("a", "out")})
        .run("c", dependentTasks=["b"])
        .run("d", "time.sleep(0.3)")
        .run("e", dependentTasks=["d"])
    )
    job = run(spec, project)
    assert job.state == "FAILED"
    assert states(job) == {
        "a": "FAILED",
        "b": "SKIPPED",
        "c": "SKIPPED",
        "d": "SUCCEEDED",
        "e": "SUCCEEDED",
    }
    tasks = by_name(job)
    assert tasks["a"].error == "ValueError: boom"
    assert tasks["b"].error == "it needs 'a', which failed"
    assert tasks["c"].error == "it needs 'b', which was skipped"
    assert job.error == "task 'a' failed: ValueError: boom"
    assert tasks["a"].log_path is not None
    assert "fine" in tasks["a"].log_path.read_text()


def test_fail_fast_stops_the_others(project: Path) -> None:
    spec = (
        SpecBuilder()
        .run("a", "time.sleep(0.3); sys.exit(1)")
        .run("b", "time.sleep(60)")
        .run("c")
        .run("d", dependentTasks=["b"])
    )
    started = time.monotonic()
    job = run(spec, project, failure_policy="fast", max_workers=2)
    assert time.monotonic() - started < 10
    assert job.state == "FAILED"
    assert states(job) == {"a": "FAILED", "b": "CANCELLED", "c": "SKIPPED", "d": "SKIPPED"}
    assert by_name(job)["c"].error == "stopped because 'a' failed"


def test_a_task_that_ignores_sigterm_is_killed_after_the_grace_period(project: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    spec = SpecBuilder().run("a", "time.sleep(0.5); sys.exit(1)").run("b", deaf)
    started = time.monotonic()
    job = run(spec, project, failure_policy="fast", max_workers=2, grace_period=0.3)
    assert time.monotonic() - started < 10
    assert states(job)["b"] == "CANCELLED"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os._exit(7)", "exit code 7"),
        ('print("last words"); sys.exit(4)', "last words (exit code 4)"),
        ('sys.exit("no such table")', "no such table"),
        ("os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL): perhaps the machine is out of"),
        ("os.kill(os.getpid(), 11)", "killed by signal 11 (SIGSEGV)"),
        ('print("\\033[31mred\\033[0m"); print("-----"); sys.exit(1)', "red"),
    ],
)
def test_how_a_failure_is_told(project: Path, code: str, error: str) -> None:
    task = by_name(run(SpecBuilder().run("a", code), project))["a"]
    assert task.state == "FAILED"
    assert task.error is not None
    assert task.error.startswith(error)


def test_a_program_that_does_not_exist(project: Path) -> None:
    task = by_name(run(SpecBuilder().run("a", argv=["no-such-program"]), project))["a"]
    assert task.state == "FAILED"
    assert "cannot start 'no-such-program'" in str(task.error)


def test_a_megabyte_of_output(project: Path) -> None:
    job = run(SpecBuilder().run("a", 'sys.stdout.write("x" * 2**20); sys.exit(1)'), project)
    task = by_name(job)["a"]
    assert task.log_path is not None
    assert task.log_path.stat().st_size == 2**20
    assert task.error is not None
    assert len(task.error) < 600


def test_what_a_task_leaves_running_is_killed(project: Path) -> None:
    code = (
        "import subprocess\n"
        'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'
        'give("pid", child.pid)'
    )
    job = run(SpecBuilder().run("a", code, gives={"pid": "NUMBER_INTEGER"}), project)
    assert job.state == "SUCCEEDED"
    assert is_gone(by_name(job)["a"].output_parameters["pid"])


def test_an_argument_that_no_container_could_get(project: Path) -> None:
    spec = SpecBuilder().run("a", parameters={"p": constant("x" * 140_000)})
    assert "cannot be passed to a container" in str(by_name(run(spec, project))["a"].error)


def test_a_retry_starts_afresh(project: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    code = (
        f"counter = pathlib.Path({str(counter)!r})\n"
        'with counter.open("a") as f: f.write("x")\n'
        'assert not target("out").exists() and not pathlib.Path("left").exists()\n'
        'target("out").mkdir(); pathlib.Path("left").touch(); give("n", "from a failure")\n'
        'if len(counter.read_text()) < 3: raise ValueError("not yet")\n'
        '(target("out") / "x").touch(); give("n", "right")'
    )
    spec = (
        SpecBuilder()
        .run("a", code, writes=("out",), gives={"n": "STRING"}, retryPolicy=RETRY_AT_ONCE)
        .run(
            "b",
            'give("files", os.listdir(source("in")))',
            artifacts={"in": artifact_of("a", "out")},
            gives={"files": "LIST"},
        )
    )
    recorder = Recorder()
    job = run(spec, project, recorder=recorder)
    task = by_name(job)["a"]
    assert (task.state, task.attempts, task.error) == ("SUCCEEDED", 3, None)
    assert task.output_parameters == {"n": "right"}
    assert by_name(job)["b"].output_parameters == {"files": ["x"]}
    logs = sorted(path.name for path in (job.path / "logs").iterdir())
    assert logs == ["a.attempt-2.log", "a.attempt-3.log", "a.log", "b.log"]
    assert recorder.events[1:6] == [
        ("a", "RUNNING"),
        ("a", "RETRYING"),
        ("a", "RUNNING"),
        ("a", "RETRYING"),
        ("a", "RUNNING"),
    ]
    assert not (job.path / "work").exists()


def test_retries_end_and_wait(project: Path) -> None:
    policy = {"maxRetryCount": 1, "backoffDuration": "0.4s", "backoffFactor": 2}
    started = time.monotonic()
    job = run(SpecBuilder().run("a", "sys.exit(1)", retryPolicy=policy), project)
    assert time.monotonic() - started > 0.4
    assert (by_name(job)["a"].state, by_name(job)["a"].attempts) == ("FAILED", 2)


def test_an_output_that_is_not_there(project: Path) -> None:
    spec = (
        SpecBuilder()
        .run("a", writes=("out",))
        .run("b", gives={"p": "STRING"})
        .run("c", 'give("p", "no number")', gives={"p": "NUMBER_INTEGER"})
        .run(
            "d",
            'tell(artifacts={"out": {"artifacts": [{"metadata": {"absent": True}}]}})',
            writes=("out",),
        )
        .run("e", artifacts={"in": artifact_of("d", "out")})
        .run("f", 'pathlib.Path(given["outputs"]["outputFile"]).write_text("[")')
    )
    job = run(spec, project)
    tasks = by_name(job)
    assert "did not write its output 'out'" in str(tasks["a"].error)
    assert "wrote no output parameter 'p'" in str(tasks["b"].error)
    assert "output parameter 'p'" in str(tasks["c"].error)
    assert tasks["d"].outputs["out"].is_absent
    assert tasks["e"].state == "SUCCEEDED"
    assert "no JSON" in str(tasks["f"].error)


def test_a_task_may_say_where_its_output_is(project: Path) -> None:
    code = 'tell(artifacts={"out": {"artifacts": [{"uri": "gs://bucket/table"}]}})'
    spec = (
        SpecBuilder()
        .run("a", code, writes=("out",))
        .run(
            "b",
            'give("uri", given["inputs"]["artifacts"]["in"]["artifacts"][0]["uri"])',
            artifacts={"in": artifact_of("a", "out")},
            gives={"uri": "STRING"},
        )
    )
    job = run(spec, project)
    assert by_name(job)["b"].output_parameters == {"uri": "gs://bucket/table"}


def test_outputs_are_found_by_dataset_name(project: Path) -> None:
    def code(dataset: str, path: str | None) -> str:
        metadata = {"dataset": dataset, "path": path}
        return (
            f'target("out").write_text({dataset!r})\n'
            f'tell(artifacts={{"out": {{"artifacts": [{{"metadata": {metadata!r}}}]}}}})'
        )

    datasets = {
        "a": ("companies", "data/02/companies.csv"),
        "b": ("ns.model", "data/06/model.pkl.gz"),
        "c": ("a/b", None),
        "d": ("Companies", "data/02/x.csv"),
        "e": ("..", "v1.2 final/data"),
    }
    spec = SpecBuilder()
    for name, (dataset, path) in datasets.items():
        spec.run(name, code(dataset, path), writes=("out",))
    job = run(spec, project, max_workers=1)
    assert job.state == "SUCCEEDED"
    links = {path.name: path for path in (job.path / "outputs").iterdir()}
    assert {"companies.csv", "ns.model.pkl.gz", "a%2Fb", "%2E."} < set(links)
    assert {path.read_text() for path in links.values()} == {d for d, _ in datasets.values()}
    assert not any(path.readlink().is_absolute() for path in links.values())


def test_importers(project: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw data.csv"
    raw.write_text("1")
    code = (
        'entry = given["inputs"]["artifacts"]["in"]["artifacts"][0]\n'
        'give("out", [source("in").read_text(), entry["metadata"]])'
    )
    spec = (
        SpecBuilder()
        .importer("plain", str(raw), sha="1")
        .importer("url", raw.as_uri())
        .importer("missing", "/no/such/file")
        .importer("remote", "gs://bucket/x")
    )
    for name in ("plain", "url"):
        spec.run(
            f"use-{name}",
            code,
            artifacts={"in": artifact_of(name, "artifact")},
            gives={"out": "LIST"},
        )
    spec.run("use-missing", artifacts={"in": artifact_of("missing", "artifact")})
    job = run(spec, project)
    tasks = by_name(job)
    assert tasks["use-plain"].output_parameters["out"] == ["1", {"sha": "1"}]
    assert tasks["use-url"].output_parameters["out"] == ["1", {}]
    assert tasks["missing"].error == "there is nothing at '/no/such/file' to import"
    assert tasks["missing"].log_path is None
    assert tasks["use-missing"].state == "SKIPPED"
    assert tasks["remote"].outputs["artifact"].uri == "gs://bucket/x"


def test_a_name_is_used_once(project: Path) -> None:
    run(SpecBuilder().run("a"), project)
    with pytest.raises(RunError, match="job 'job' exists already"):
        run(SpecBuilder().run("a"), project)
    with pytest.raises(RunError, match="job name"):
        run(SpecBuilder().run("a"), project, job_name="../up")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_project(project: Path) -> None:
    project.chmod(0o500)
    with pytest.raises(RunError, match="cannot write to"):
        run(SpecBuilder().run("a"), project)
    project.chmod(0o700)


def test_vertexai_as_a_file(project: Path) -> None:
    (project / ".vertexai").write_text("")
    with pytest.raises(RunError):
        run(SpecBuilder().run("a"), project)


def test_two_jobs_at_once(project: Path) -> None:
    code = 'time.sleep(0.3); target("out").write_text(given["outputs"]["outputFile"])'
    spec = SpecBuilder().run("a", code, writes=("out",)).run("b", dependentTasks=["a"])
    results = {}

    def start(name: str) -> None:
        results[name] = run(spec, project, job_name=name)

    threads = [threading.Thread(target=start, args=[name]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, job in results.items():
        assert job.state == "SUCCEEDED"
        assert f"/{name}/" in Path(by_name(job)["a"].outputs["out"].uri).read_text()


def test_job_file_is_readable_at_any_time(project: Path) -> None:
    spec = SpecBuilder()
    for number in range(30):
        spec.run(f"t{number}", argv=["true"])
    done = threading.Event()
    seen: list[str] = []
    path = project / ".vertexai/jobs/job/job.json"

    def read() -> None:
        while not done.is_set():
            if path.exists():
                seen.append(json.loads(path.read_text())["state"])
            time.sleep(0.002)

    reader = threading.Thread(target=read)
    reader.start()
    job = run(spec, project)
    done.set()
    reader.join()
    assert set(seen) == {"RUNNING", "SUCCEEDED"} or set(seen) == {"RUNNING"}
    content = json.loads(path.read_text())
    assert content["state"] == "SUCCEEDED"
    assert [task["state"] for task in content["tasks"]] == ["SUCCEEDED"] * 30
    assert content["job_id"] == job.job_id
    assert json.loads((job.path / "pipeline.json").read_text()) == spec.spec()


def test_every_task_has_a_directory_of_its_own(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src" / "module.py").write_text("x = 1\n")
    code = (
        'pathlib.Path("data/02_made/mine").write_text("1") if parameters["write"] else None\n'
        'give("files", sorted(str(p) for p in pathlib.Path().rglob("*") if p.is_file()))'
    )
    (project / "data" / "02_made").mkdir()
    spec = SpecBuilder()
    for name, write, after in (("a", True, []), ("b", False, ["a"])):
        spec.run(
            name,
            code,
            parameters={"write": constant(write)},
            types={"write": "BOOLEAN"},
            gives={"files": "LIST"},
            dependentTasks=after,
        )
    tasks = by_name(run(spec, project))
    files = [path for path in tasks["b"].output_parameters["files"] if "__pycache__" not in path]
    assert files == ["conf/base/catalog.yml", "src/module.py"]
    assert "data/02_made/mine" in tasks["a"].output_parameters["files"]
    assert not (project / "data" / "02_made" / "mine").exists()


def test_the_working_copy_of_a_failed_task_is_kept(project: Path) -> None:
    spec = SpecBuilder().run("good").run("bad", 'open("trace", "w"); sys.exit(1)')
    job = run(spec, project)
    assert [path.name for path in (job.path / "work").iterdir()] == ["bad"]
    assert (job.path / "work" / "bad" / "project" / "trace").exists()


def test_tasks_run_in_parallel_up_to_the_limit(project: Path, tmp_path: Path) -> None:
    # Each waits for the other: only tasks that run at the same time can both end.
    def code(mine: str, other: str) -> str:
        return (
            f"pathlib.Path({str(tmp_path / mine)!r}).touch()\n"
            f"while not pathlib.Path({str(tmp_path / other)!r}).exists(): time.sleep(0.01)"
        )

    job = run(
        SpecBuilder().run("a", code("a", "b")).run("b", code("b", "a")), project, max_workers=2
    )
    assert job.state == "SUCCEEDED"
    with pytest.raises(RunError, match="max_workers"):
        run(SpecBuilder().run("a"), project, job_name="none", max_workers=0)


def test_an_empty_pipeline(project: Path) -> None:
    assert run(SpecBuilder(), project).state == "SUCCEEDED"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_handlers_of_signals_are_put_back(project: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(SpecBuilder().run("a", argv=["true"]), project)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
