"""Limits of containers, as compilers write them, and how many containers fit on a machine."""

from dataclasses import replace
from typing import Any

import pytest

from kedro_vertexai.errors import RunError
from kedro_vertexai.targets.docker.machine import RESERVE, Machine
from kedro_vertexai.targets.local.graph import ContainerExecutor, ImporterExecutor, Task
from kedro_vertexai.targets.local.limits import Limits, read_limits

GIB = 2**30
MACHINE = Machine(
    cpus=4,
    memory=8 * GIB + RESERVE,
    architecture="amd64",
    is_rootless=False,
    is_desktop=False,
    has_gpus=False,
)


def resources(**said: Any) -> dict[str, Any]:
    return {"image": "image", "resources": said}


def task(name: str = "task", **limits: Any) -> Task:
    return Task(name, name, ContainerExecutor("image", ("python",), {}, Limits(**limits)))


IMPORTER = Task("raw", "raw", ImporterExecutor("/raw", None, {}))


def test_a_container_without_limits_has_none() -> None:
    assert read_limits({"image": "image"}) == Limits()


def test_memory_of_the_spec_comes_back_to_the_byte() -> None:
    for size in (6 * 2**20, 1024 * 2**20, 3 * GIB + 1, 10**12 + 7):
        assert read_limits(resources(memoryLimit=size / 1e9)).memory == size


def test_cores_and_accelerators() -> None:
    accelerator = {"type": "NVIDIA_TESLA_T4", "count": "2"}
    limits = read_limits(resources(cpuLimit=0.5, accelerator=accelerator))
    assert (limits.cpu, limits.accelerators, limits.accelerator) == (0.5, 2, "NVIDIA_TESLA_T4")


@pytest.mark.parametrize("key", ["resourceCpuLimit", "resourceMemoryLimit"])
def test_a_limit_that_cannot_be_read_is_not_left_out(key: str) -> None:
    with pytest.raises(RunError, match=f"a container has {key} and no"):
        read_limits(resources(**{key: "4Gi"}))


def test_a_limit_that_is_no_number_is_named() -> None:
    with pytest.raises(RunError, match="cpuLimit 'many' is no number"):
        read_limits(resources(cpuLimit="many"))


def test_the_first_task_always_finds_room() -> None:
    assert MACHINE.fits(task(memory=100 * GIB, cpu=100), [])
    assert MACHINE.fits(task(cpu=100), [IMPORTER])


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        ({"memory": GIB, "cpu": 0.1}, 8),
        ({"memory": GIB, "cpu": 1}, 8),
        ({"memory": 5 * GIB, "cpu": 0.1}, 1),
        ({}, 4),
        ({"cpu": 100}, 1),
    ],
)
def test_as_many_tasks_as_their_limits_leave_room_for(limits: dict[str, Any], count: int) -> None:
    running: list[Task] = []
    while MACHINE.fits(task(**limits), running):
        running.append(task(**limits))
    assert len(running) == count
    assert MACHINE.fits(IMPORTER, running)


def test_a_task_that_never_fits_is_refused_by_its_name() -> None:
    MACHINE.check([task(memory=8 * GIB), IMPORTER])
    too_large = replace(task(memory=8 * GIB + 1), display_name="train_model")
    with pytest.raises(RunError, match="task 'train_model' may use 8,192 MiB"):
        MACHINE.check([task(), too_large])
