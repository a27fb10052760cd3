"""Killed at any moment, a submission leaves at most one job, and never half of one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from google_service import GoogleService
from project_factory import KedroProject
from submissions import killable

KILLS = 50
WHOLE = 3


@pytest.mark.slow
def test_a_killed_submission_leaves_one_job_at_most(
    new_project: Callable[..., KedroProject], service: GoogleService
) -> None:
    service.settings.execute = False
    project = new_project()
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    with killable(project.path, KILLS + WHOLE, "run-once", "--no-check") as run:

        def submit(lifetime: float) -> tuple[int, float]:
            """Submit once; how many jobs that made, and how many seconds it took."""
            before = len(service.jobs)
            passed = run(lifetime)
            return len(service.jobs) - before, passed

        # The first one takes longer.
        complete = [submit(-1) for _ in range(WHOLE)]
        assert [jobs for jobs, _ in complete] == [1] * WHOLE
        whole = min(passed for _, passed in complete)
        made = [submit(whole * moments.uniform(0, 1)) for _ in range(KILLS)]
    assert {jobs for jobs, _ in made} <= {0, 1}, f"seed {seed}"
    assert any(jobs == 0 for jobs, _ in made), f"each was killed too late, seed {seed}"
    assert any(jobs == 1 for jobs, _ in made), f"each was killed too early, seed {seed}"
    assert len({job.id for job in service.jobs}) == len(service.jobs)
