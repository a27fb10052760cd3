"""Killed at any moment, a submission leaves at most one job, and never half of one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from google_service import GoogleService
from project_factory import KedroProject
from submissions import killable, lifetimes

KILLS = 50
WHOLE = 3


@pytest.mark.slow
def test_a_killed_submission_leaves_one_job_at_most(
    new_project: Callable[..., KedroProject], service: GoogleService
) -> None:
    service.settings.execute = False
    project = new_project(parameters={"start": -1})
    seed = random.randrange(2**32)
    with killable(project.path, KILLS + WHOLE, "run-once", "--no-check") as run:

        def submit(number: int, lifetime: float) -> float:
            """Submit a job that bears a number; how many seconds that took."""
            return run(lifetime, "--params", f"start={number}")

        # The first one takes longer.
        whole = min(submit(number, -1) for number in range(WHOLE))
        for number, lifetime in enumerate(lifetimes(KILLS, seed), WHOLE):
            submit(number, whole * lifetime)
    # A request that was sent before the kill may be heard after it.
    made = Counter(
        int(job.message().runtime_config.parameter_values["start"].number_value)
        for job in service.jobs
    )
    assert set(made.values()) == {1}, f"seed {seed}: {made}"
    assert set(range(WHOLE)) <= set(made)
    killed = len(made) - WHOLE
    assert killed < KILLS, f"each was killed too late, seed {seed}"
    assert killed > 0, f"each was killed too early, seed {seed}"
    assert len({job.id for job in service.jobs}) == len(service.jobs)
