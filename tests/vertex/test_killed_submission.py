"""Killed at any moment, a submission leaves at most one job, and never half of one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from google_service import GoogleService
from project_factory import KedroProject

KILLS = 50
WHOLE = 3


@pytest.mark.slow
def test_a_killed_submission_leaves_one_job_at_most(
    new_project: Callable[..., KedroProject], service: GoogleService
) -> None:
    service.settings.execute = False
    project = new_project()
    script = Path(__file__).with_name("submissions.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(project.path), str(KILLS + WHOLE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def submit(lifetime: float) -> tuple[int, float]:
        """Submit once; how many jobs that made, and how many seconds it took."""
        assert process.stdout.readline() == "start\n"
        before = len(service.jobs)
        begin = time.monotonic()
        process.stdin.write(f"{lifetime}\n")
        process.stdin.flush()
        process.stdout.readline()
        passed = time.monotonic() - begin
        # A request that was sent may still be heard.
        time.sleep(0.05)
        return len(service.jobs) - before, passed

    # The first one takes longer.
    complete = [submit(-1) for _ in range(WHOLE)]
    assert [jobs for jobs, _ in complete] == [1] * WHOLE
    whole = min(passed for _, passed in complete)
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    made = [submit(whole * moments.uniform(0, 1)) for _ in range(KILLS)]
    process.communicate(timeout=60)
    assert {jobs for jobs, _ in made} <= {0, 1}, f"seed {seed}"
    assert any(jobs == 0 for jobs, _ in made), f"each was killed too late, seed {seed}"
    assert any(jobs == 1 for jobs, _ in made), f"each was killed too early, seed {seed}"
    assert len({job.id for job in service.jobs}) == len(service.jobs)
