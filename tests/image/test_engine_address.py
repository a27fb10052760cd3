"""The engine that is found is the one that the `docker` command would ask."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from docker_engine import BASE, Engine
from project_factory import KedroProject

NAME = "tests-own"
COMMANDS = (
    ("build", "--no-push", "--image", "built:1"),
    ("run-once", "--target", "docker", "--image", BASE),
)


@pytest.fixture
def context(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Docker's configuration: the engine is a context that nothing names yet."""
    monkeypatch.delenv("DOCKER_HOST")
    docker = tmp_path / "docker"
    described = docker / "contexts/meta" / hashlib.sha256(NAME.encode()).hexdigest()
    described.mkdir(parents=True)
    endpoint = {"Host": engine.host, "SkipTLSVerify": False}
    content = {"Name": NAME, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (described / "meta.json").write_text(json.dumps(content))
    (docker / "config.json").write_text("{}")
    return docker / "config.json"


def reached(project: KedroProject, *command: str) -> bool:
    """Whether a command finds the engine: only that has the image to build from, or to run."""
    result = project.invoke(*command)
    # It has been started, and holds no Python.
    return result.exit_code == 0 or f"image {BASE} cannot run 'python'" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_the_context_that_the_variable_names(
    project: KedroProject, context: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", NAME)
    assert reached(project, *command)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_context_that_is_in_use(
    project: KedroProject, context: Path, command: tuple[str, ...]
) -> None:
    context.write_text(json.dumps({"currentContext": NAME}))
    assert reached(project, *command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_context_that_is_not_there_is_one_line(
    project: KedroProject, context: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    result = project.invoke(*command)
    assert result.exit_code == 1
    assert "context 'nowhere' not found" in result.stderr.strip().splitlines()[-1]
