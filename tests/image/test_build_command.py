"""Which command builds the image."""

import sys

from kedro_vertexai.image.build import build_command


def test_without_kedro_docker_docker_builds() -> None:
    command = build_command("host/demo:1", with_kedro_docker=False)
    assert command == ["docker", "build", "--platform", "linux/amd64", "--tag", "host/demo:1", "."]


def test_with_kedro_docker_that_builds_for_the_same_platform() -> None:
    command = build_command("host/demo:1", with_kedro_docker=True)
    assert command[:3] == [sys.executable, "-m", "kedro"]
    assert command[3:] == [
        "docker", "build", "--image", "host/demo:1", "--docker-args", "--platform linux/amd64",
    ]  # fmt: skip
