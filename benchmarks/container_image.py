"""The image of a project from the starter: its size, its start, and what a change in it pushes.

Needs a Docker engine, root for the base image (or BENCH_BASE_IMAGE), and PyPI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

from benchmarks.fresh_task import Engine
from benchmarks.measure import Result, finish, interleaved, process_cpu, python, ratio, scratch
from benchmarks.projects import starter

_ROOT = Path(__file__).resolve().parents[1]
_IMAGE = "kedro-vertexai-bench"
_HOME = "/home/kedro_docker"
_NODE = "train.logistic.fit"
_NODES_FILE = "pipelines/train/nodes.py"
_DOCSTRING = '    """Fit the model that the parameters describe."""\n'
_FIRST_LINE = "the node's first line"
_PEER = "kedro-vertexai==1.0.0"
_PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
_MB = 1_000_000


def run() -> list[Result]:
    with scratch() as directory:
        # Containers run as another user.
        directory.chmod(0o755)
        project = _project(directory)
        _build(project)
        return [_size(project, directory), _start(project), _rebuild(project)]


def _project(directory: Path) -> Path:
    project = starter(directory)
    nodes = next(project.glob(f"src/*/{_NODES_FILE}"))
    text = nodes.read_text(encoding="utf-8")
    told = text.replace(_DOCSTRING, f'{_DOCSTRING}    print("{_FIRST_LINE}", flush=True)\n')
    nodes.write_text(told, encoding="utf-8")
    options = ("--wheel", "--no-isolation", "--outdir", str(project / "wheels"))
    finish(python("-m", "build", *options, str(_ROOT)), directory)
    init = ("init", "bench-project", "europe-west1", "--with-docker", "--force")
    finish(python("-m", "kedro", "vertexai", *init), project)
    return project


def _build(project: Path) -> None:
    base = os.environ.get("BENCH_BASE_IMAGE", "")
    if not base:
        base = f"{_IMAGE}-base"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        finish([str(_ROOT / "scripts" / "base-image.sh"), base, version], project)
    settings = {name: os.environ[name] for name in _PIP_SETTINGS if name in os.environ}
    arguments = [f"--build-arg={name}={value}" for name, value in settings.items()]
    _docker(
        project, "build", "--network", "host", f"--build-arg=BASE_IMAGE={base}", *arguments,
        "--tag", _IMAGE, ".",
    )  # fmt: skip


def _docker(directory: Path, *arguments: str) -> str:
    return finish(["docker", *arguments], directory).output


def _size(project: Path, directory: Path) -> Result:
    """Packages with their byte code, to those that the peer's users install."""
    du = ("du", "-sk", "--apparent-size")
    ours = int(_docker(project, "run", "--rm", _IMAGE, *du, "/opt/venv").split()[0]) * 1024
    # pip takes some ten minutes to find versions that agree with the peer's.
    venv.create(directory / "uv", with_pip=True)
    finish([str(directory / "uv/bin/python"), "-m", "pip", "install", "--quiet", "uv"], directory)
    # The same Kedro and the same MLflow, which the peer's own limits would not allow.
    lines = (project / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [_PEER if line.startswith("kedro-vertexai") else line for line in lines]
    (directory / "peer.txt").write_text("\n".join(wanted), encoding="utf-8")
    mlflow = [line for line in lines if line.startswith("mlflow")]
    (directory / "override.txt").write_text("\n".join(mlflow), encoding="utf-8")
    install = (
        "pip", "install", "--python", sys.executable, "--target", "peer", "--compile-bytecode",
        "--requirement", "peer.txt", "--override", "override.txt",
    )  # fmt: skip
    finish([str(directory / "uv/bin/uv"), *install], directory)
    theirs = int(finish([*du, "peer"], directory).output.split()[0]) * 1024
    detail = f"{ours / _MB:.0f} MB to {theirs / _MB:.0f} MB"
    return Result("packages in the image, to the peer's", ours / theirs, "x", 0.5, detail)


def _start(project: Path) -> Result:
    kedro = python("-m", "kedro")
    process_cpu([*kedro, "run"], project)
    process_cpu([*kedro, "vertexai", "compile", "-o", "spec.json"], project)
    spec = json.loads((project / "spec.json").read_text(encoding="utf-8"))
    engine = Engine(project, spec)
    task = engine.command(_NODE, engine.start_mlflow_run())
    # Not the rest of the project: Docker takes a file of another mode for another file.
    shared = [str(engine.artifacts), str(project / "data"), str(project / "mlflow.db")]
    finish(["chmod", "-R", "a+rwX", *shared], project)
    run = [
        "docker", "run", "--rm", "--network", "none",
        "--volume", f"{engine.artifacts}:{engine.artifacts}",
        "--volume", f"{project / 'mlflow.db'}:{_HOME}/mlflow.db",
        "--volume", f"{project / 'data'}:{_HOME}/data",
        _IMAGE,
    ]  # fmt: skip
    seconds = interleaved(
        {
            "ours": lambda: _to_first_line([*run, "python", *task[1:]]),
            "kedro": lambda: _to_first_line([*run, "kedro", "run", "--nodes", _NODE]),
        }
    )
    subject = "docker run to a node's first line, to kedro run --nodes in it (clock)"
    return ratio(subject, seconds["ours"], seconds["kedro"], 1.1)


def _to_first_line(command: list[str]) -> float:
    """Seconds by the clock until the node prints: an engine's time is not this process's."""
    began = time.monotonic()
    told: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line)
            if _FIRST_LINE in line:
                seconds = time.monotonic() - began
                process.stdout.read()
                return seconds
    raise RuntimeError(f"the node printed nothing:\n{''.join(told)[-4000:]}")


def _rebuild(project: Path) -> Result:
    """Bytes of the layers that are new after a change in a node; compressed they are fewer."""
    before = set(_layers(project))
    nodes = next(project.glob(f"src/*/{_NODES_FILE}"))
    nodes.write_text(nodes.read_text(encoding="utf-8") + "\n# A change.\n", encoding="utf-8")
    _build(project)
    new = [layer for layer in _layers(project) if layer not in before]
    if not new:
        raise RuntimeError("the image is the same after a change in it")
    pushed = sum(int(size) for _, size in new)
    return Result("new layers after a change in a node", pushed / _MB, "MB", 1.0)


def _layers(project: Path) -> list[tuple[str, str]]:
    form = "{{.CreatedAt}} {{.CreatedBy}}\t{{.Size}}"
    command = ("history", "--no-trunc", "--human=false", "--format", form, _IMAGE)
    rows = [line.split("\t") for line in _docker(project, *command).splitlines()]
    return [(made, size) for made, size in rows]
