"""Jobs that go on with one run, which `tracking.run.id` names: one after the other, or at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from engine import Engine

from kedro_vertexai.task_inputs import JOB, RUN

IS_OPEN = "IS OPEN FOR ANOTHER JOB"
PROJECT = {"nodes": "NODES = [node(first, 'params:a', 'b', name='one')]", "parameters": {"a": 1}}


@pytest.fixture
def run_id(client: Any, request: pytest.FixtureRequest) -> str:
    """A run of an experiment of this test's own."""
    run = client.create_run(client.create_experiment(request.node.name))
    return str(run.info.run_id)


@pytest.fixture
def jobs(
    engine: Callable[..., Engine], run_id: str, request: pytest.FixtureRequest
) -> tuple[Engine, Engine]:
    """Two of one project."""
    yml = {"experiment": {"name": request.node.name}, "run": {"id": run_id}}
    one = engine(yml, PROJECT)
    return one, replace(one, job_id=f"{one.job_id}-2", job_name="the-second")


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
def test_a_job_that_another_one_follows_closes_the_run(
    jobs: tuple[Engine, Engine], client: Any, run_id: str, state: str
) -> None:
    one, two = jobs
    assert IS_OPEN not in one.start().log
    assert IS_OPEN not in one.start().log
    assert one.finish({"state": state}).parameters[RUN]["id"] == run_id
    assert IS_OPEN not in two.start().log
    assert two.finish({"state": "SUCCEEDED"}).parameters[RUN]["id"] == run_id
    assert client.get_run(run_id).info.status == "FINISHED"


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 1), ("FAILED", 0), ("CANCELLED", 0)])
def test_of_two_jobs_at_once_the_first_says_that_the_second_has_its_run(
    jobs: tuple[Engine, Engine], client: Any, run_id: str, state: str, code: int
) -> None:
    one, two = jobs
    one.start()
    second = two.start()
    assert f"THE MLFLOW RUN {run_id}, WHICH mlflow.yml NAMES, {IS_OPEN}, job, and" in second.log
    done = one.finish({"state": state})
    assert done.code == code, done.log
    assert (
        f"the run {run_id} that mlflow.yml names is another job's now, the-second, whose last task "
        "closes it: jobs that run at the same time need runs of their own, without tracking.run.id"
    ) in " ".join(done.log.split())
    assert client.get_run(run_id).info.status == "RUNNING"
    assert two.task("one", second.parameters[JOB]).code == 0
    assert two.finish({"state": "SUCCEEDED"}).parameters[RUN]["id"] == run_id
    assert client.get_run(run_id).info.status == "FINISHED"
