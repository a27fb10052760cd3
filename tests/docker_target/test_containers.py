"""What a task finds in its container, and what is left of it."""

import ipaddress
import json
import os
from pathlib import Path

import pytest
from container_specs import (
    MIB,
    Recorder,
    SpecBuilder,
    by_name,
    containers,
    limited,
    run,
    states,
)
from docker_daemon import Engine
from local_specs import artifact_of, constant, parameter_of
from python_image import USER

from kedro_vertexai.targets.docker import DockerOptions


def test_tasks_hand_on_artifacts_and_parameters(engine: Engine, image: str, project: Path) -> None:
    builder = (
        SpecBuilder()
        .run(
            "write",
            'target("data").write_text("7"); give("n", 6)',
            gives={"n": "NUMBER_INTEGER"},
            writes=("data",),
        )
        .run(
            "read",
            'give("product", int(source("data").read_text()) * parameters["n"])',
            parameters={"n": parameter_of("write", "n")},
            types={"n": "NUMBER_INTEGER"},
            artifacts={"data": artifact_of("write", "data")},
            gives={"product": "NUMBER_INTEGER"},
        )
    )
    job = run(containers(builder, image), project)
    assert job.state == "SUCCEEDED", job.error
    assert by_name(job)["read"].output_parameters == {"product": 42}


def test_each_attempt_has_a_container_and_a_log_of_its_own(
    engine: Engine, image: str, project: Path
) -> None:
    code = """
pathlib.Path("/tmp/mark").touch(exist_ok=False)
print("on stdout"); print("on stderr", file=sys.stderr)
sys.exit(0 if "attempt-2" in given["outputs"]["outputFile"] else "not yet")
"""
    builder = SpecBuilder().run("again", code, retryPolicy={"maxRetryCount": 1})
    job = run(containers(builder, image), project)
    task = by_name(job)["again"]
    assert (task.state, task.attempts) == ("SUCCEEDED", 2)
    logs = job.path / "logs"
    assert "not yet" in (logs / "again.log").read_text()
    # Two streams, of which one's line may come into the other's.
    second = (logs / "again.attempt-2.log").read_text()
    assert "on stdout" in second
    assert "on stderr" in second


def test_nothing_of_the_machine_is_seen_but_the_job(
    engine: Engine, image: str, project: Path
) -> None:
    builder = SpecBuilder().run(
        "look",
        f"""
project = pathlib.Path({str(project)!r})
give("seen", sorted(str(p.relative_to(project)) for p in project.rglob("*")))
give("cwd", os.getcwd())
""",
        gives={"seen": "LIST", "cwd": "STRING"},
    )
    job = run(containers(builder, image), project)
    found = by_name(job)["look"].output_parameters
    assert found["cwd"] == "/home/kedro/project"
    assert found["seen"] == [
        ".vertexai",
        ".vertexai/jobs",
        ".vertexai/jobs/job",
        ".vertexai/jobs/job/artifacts",
        ".vertexai/jobs/job/artifacts/look",
        ".vertexai/jobs/job/artifacts/look/.parameters",
    ]


def test_what_another_task_made_cannot_be_changed(
    engine: Engine, image: str, project: Path
) -> None:
    builder = (
        SpecBuilder()
        .run("write", 'target("data").write_text("first")', writes=("data",))
        .run(
            "spoil",
            'source("data").write_text("spoilt")',
            artifacts={"data": artifact_of("write", "data")},
        )
    )
    job = run(containers(builder, image), project)
    assert by_name(job)["spoil"].state == "FAILED"
    assert "Read-only file system" in str(by_name(job)["spoil"].error)
    assert Path(by_name(job)["write"].outputs["data"].uri).read_text() == "first"


def test_staged_inputs_can_be_read_and_not_written(
    engine: Engine, image: str, project: Path
) -> None:
    inputs = project / ".vertexai" / "inputs"
    inputs.mkdir(parents=True)
    (inputs / "raw.csv").write_text("raw")
    builder = (
        SpecBuilder()
        .importer("raw", str(inputs / "raw.csv"))
        .run(
            "read",
            """
give("text", source("raw").read_text())
give("writable", os.access(source("raw").parent, os.W_OK))
""",
            artifacts={"raw": artifact_of("raw", "artifact")},
            gives={"text": "STRING", "writable": "BOOLEAN"},
        )
    )
    job = run(containers(builder, image), project, docker_options=DockerOptions(inputs=inputs))
    assert by_name(job)["read"].output_parameters == {"text": "raw", "writable": False}


def test_a_task_runs_as_the_user_of_the_image_and_its_outputs_are_yours(
    engine: Engine, image: str, project: Path
) -> None:
    builder = SpecBuilder().run(
        "write",
        'target("data").mkdir(); (target("data") / "part").touch(); give("uid", os.getuid())',
        gives={"uid": "NUMBER_INTEGER"},
        writes=("data",),
    )
    job = run(containers(builder, image), project)
    assert by_name(job)["write"].output_parameters == {"uid": USER}
    below = list((job.path / "artifacts").rglob("*"))
    assert {path.stat().st_uid for path in below} == {os.getuid()}
    assert (job.path / "artifacts/write/data/part") in below


def test_another_user_can_be_asked_for(engine: Engine, image: str, project: Path) -> None:
    builder = SpecBuilder().run("who", 'give("uid", os.getuid())', gives={"uid": "NUMBER_INTEGER"})
    options = DockerOptions(user="1234:1234")
    job = run(containers(builder, image), project, docker_options=options)
    assert by_name(job)["who"].output_parameters == {"uid": 1234}


def test_the_environment_is_the_spec_s_and_what_was_asked_for(
    engine: Engine, image: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ON_THIS_MACHINE", "stays here")
    builder = SpecBuilder().run(
        "look", 'give("seen", dict(os.environ))', gives={"seen": "STRUCT"}, env={"OF_SPEC": "1"}
    )
    options = DockerOptions(env={"SECRET": "s3cret"})
    job = run(containers(builder, image), project, docker_options=options)
    seen = by_name(job)["look"].output_parameters["seen"]
    assert (
        seen.items()
        >= {
            "OF_SPEC": "1",
            "SECRET": "s3cret",
            "KEDRO_VERTEXAI_TARGET": "docker",
            "HOME": "/home/kedro",
        }.items()
    )
    assert "ON_THIS_MACHINE" not in seen
    assert "s3cret" not in (job.path / "pipeline.json").read_text()


def test_a_secret_is_in_no_command_line(engine: Engine, image: str, project: Path) -> None:
    code = 'give("argv", pathlib.Path("/proc/1/cmdline").read_bytes().decode().split("\\0"))'
    builder = SpecBuilder().run("look", code, gives={"argv": "LIST"})
    options = DockerOptions(env={"SECRET": "s3cret"})
    job = run(containers(builder, image), project, docker_options=options)
    assert "s3cret" not in json.dumps(by_name(job)["look"].output_parameters["argv"])


def test_google_credentials_are_copied_into_the_container(
    engine: Engine, image: str, project: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account"}')
    key.chmod(0o600)
    builder = SpecBuilder().run(
        "look",
        'give("key", pathlib.Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())',
        gives={"key": "STRING"},
    )
    job = run(containers(builder, image), project, docker_options=DockerOptions(credentials=key))
    assert by_name(job)["look"].output_parameters == {"key": '{"type": "service_account"}'}


def test_the_limits_are_hard_ones(engine: Engine, image: str, project: Path) -> None:
    code = """
def read(*names):
    return next(pathlib.Path(n).read_text().strip() for n in names if os.path.exists(n))
cgroup = "/sys/fs/cgroup/"
give("memory", int(read(cgroup + "memory/memory.limit_in_bytes", cgroup + "memory.max")))
one = cgroup + "memory/memory.memsw.limit_in_bytes"
give("swap", int(read(one)) - parameters["mib"] * 2**20 if os.path.exists(one)
     else int(read(cgroup + "memory.swap.max")))
quota = cgroup + "cpu/cpu.cfs_quota_us"
give("cpu", int(read(quota, cgroup + "cpu.max").split()[0]) / 100_000)
"""
    builder = SpecBuilder().run(
        "limited",
        code,
        parameters={"mib": constant(64)},
        types={"mib": "NUMBER_INTEGER"},
        gives={"memory": "NUMBER_INTEGER", "swap": "NUMBER_INTEGER", "cpu": "NUMBER_DOUBLE"},
    )
    limits = {"limited": limited(memory=64, cpu=0.5)}
    job = run(containers(builder, image, limits), project)
    found = by_name(job)["limited"].output_parameters
    assert found == {"memory": 64 * MIB, "swap": 0, "cpu": 0.5}


def test_more_cores_than_there_are_become_all_of_them(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    builder = SpecBuilder().run("large")
    spec = containers(builder, image, {"large": limited(cpu=5000)})
    assert run(spec, project, recorder=recorder).state == "SUCCEEDED"
    assert any("5000 cores" in warning for warning in recorder.warnings)


def test_a_gpu_that_is_not_there_is_warned_of(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    spec = containers(SpecBuilder().run("train"), image, {"train": limited(gpu=1)})
    assert run(spec, project, recorder=recorder).state == "SUCCEEDED"
    (warning,) = recorder.warnings
    assert "'train' asks for 1 x NVIDIA_TESLA_T4" in warning


def test_this_machine_has_a_name_in_the_container(
    engine: Engine, image: str, project: Path
) -> None:
    code = 'import socket; give("ip", socket.gethostbyname("host.docker.internal"))'
    builder = SpecBuilder().run("ask", code, gives={"ip": "STRING"})
    for network, address in ((None, engine.gateway), ("host", "127.0.0.1")):
        job = run(
            containers(builder, image),
            project,
            job_name=f"job-{network}",
            docker_options=DockerOptions(network=network),
        )
        assert by_name(job)["ask"].output_parameters == {"ip": address}


def test_tasks_share_the_memory_of_the_machine(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    half = int(engine.client.info()["MemTotal"] / MIB * 0.55)
    builder = SpecBuilder()
    for name in ("one", "two", "three"):
        builder.run(name)
    limits = {name: limited(memory=half, cpu=0.1) for name in builder.tasks}
    job = run(containers(builder, image, limits), project, recorder=recorder)
    assert set(states(job).values()) == {"SUCCEEDED"}
    running = [state for task, state in recorder.events if task != "job"]
    assert running == ["RUNNING", "SUCCEEDED"] * 3


def meeting_tasks() -> SpecBuilder:
    """Two tasks in the machine's network; each waits for the other, so that neither ends alone."""
    code = """
import socket
port, other = parameters["ports"]
with socket.create_server(("127.0.0.1", port)) as server:
    server.settimeout(60)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", other)).close()
            break
        except OSError:
            time.sleep(0.1)
    server.accept()
"""
    builder = SpecBuilder()
    base = 20_000 + os.getpid() % 20_000
    for name, ports in (("one", [base, base + 1]), ("two", [base + 1, base])):
        builder.run(name, code, parameters={"ports": constant(ports)}, types={"ports": "LIST"})
    return builder


def test_tasks_that_fit_run_at_once(engine: Engine, image: str, project: Path) -> None:
    builder = meeting_tasks()
    limits = {name: limited(memory=64, cpu=0.1) for name in builder.tasks}
    job = run(
        containers(builder, image, limits), project, docker_options=DockerOptions(network="host")
    )
    assert set(states(job).values()) == {"SUCCEEDED"}, job.error


def test_cores_are_shared_and_do_not_keep_tasks_apart(
    engine: Engine, image: str, project: Path
) -> None:
    """Each may use all of them; what counts is the memory."""
    builder = meeting_tasks()
    limits = {name: limited(memory=64, cpu=engine.client.info()["NCPU"]) for name in builder.tasks}
    options = DockerOptions(network="host")
    job = run(containers(builder, image, limits), project, docker_options=options)
    assert set(states(job).values()) == {"SUCCEEDED"}, job.error


def test_without_limits_one_task_runs_for_each_core(
    engine: Engine, image: str, project: Path, recorder: Recorder
) -> None:
    builder = SpecBuilder()
    for number in range(2 * engine.client.info()["NCPU"]):
        builder.run(f"task-{number}", "time.sleep(0.3)")
    job = run(containers(builder, image), project, recorder=recorder, max_workers=32)
    assert set(states(job).values()) == {"SUCCEEDED"}, job.error
    running = most = 0
    for task, state in recorder.events:
        running += (task != "job") * {"RUNNING": 1, "SUCCEEDED": -1}.get(state, 0)
        most = max(most, running)
    assert most == engine.client.info()["NCPU"]


def test_containers_join_the_network_that_is_named(
    engine: Engine, image: str, project: Path
) -> None:
    code = 'import socket; give("ip", socket.gethostbyname(socket.gethostname()))'
    builder = SpecBuilder().run("ask", code, gives={"ip": "STRING"})
    network = engine.client.networks.create("of-the-tests")
    try:
        options = DockerOptions(network="of-the-tests")
        job = run(containers(builder, image), project, docker_options=options)
        network.reload()
        (pool,) = network.attrs["IPAM"]["Config"]
    finally:
        network.remove()
    found = ipaddress.ip_address(by_name(job)["ask"].output_parameters["ip"])
    assert found in ipaddress.ip_network(pool["Subnet"])
