"""Which command builds the image."""

import sys
from pathlib import Path

import pytest

from kedro_vertexai.image.build import build_command


def test_without_kedro_docker_docker_builds() -> None:
    command = build_command("host/demo:1")
    assert command == ["docker", "build", "--platform", "linux/amd64", "--tag", "host/demo:1", "."]


@pytest.mark.parametrize(
    ("dockerfile", "base"),
    [
        ("FROM base:1\n", []),
        (
            "# mine\nARG BASE_IMAGE=host/base:2 \nFROM $BASE_IMAGE\n",
            ["--base-image", "host/base:2"],
        ),
        ('arg BASE_IMAGE="base:3"\nFROM $BASE_IMAGE\n', ["--base-image", "base:3"]),
        ("ARG V=3\nARG BASE_IMAGE=python:$V\nFROM $BASE_IMAGE\n", []),
        ("ARG BASE_IMAGE\nFROM $BASE_IMAGE\n", []),
    ],
)
def test_kedro_docker_builds_for_the_same_platform_and_from_the_same_base(
    tmp_path: Path, dockerfile: str, base: list[str]
) -> None:
    """Left to itself kedro-docker builds from python:X-slim, whatever the Dockerfile says."""
    (tmp_path / "Dockerfile").write_text(dockerfile)
    command = build_command("host/demo:1", tmp_path / "Dockerfile")
    assert command[:3] == [sys.executable, "-m", "kedro"]
    assert command[3:] == [
        "docker", "build", "--image", "host/demo:1", "--docker-args", "--platform linux/amd64",
        *base,
    ]  # fmt: skip
