"""Killed at any moment, `schedule` leaves the old schedule or the new one, and never two."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from project_factory import KedroProject

KILLS = 20
CRONS = ("0 1 * * *", "0 2 * * *")


@pytest.mark.slow
def test_a_killed_command_leaves_one_schedule(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> None:
    service.settings.execute = False
    project = new_project(run_config={"root": bucket.root.removeprefix("gs://")})
    script = Path(__file__).with_name("submissions.py")
    rounds = [["schedule", "--yes", "-c", CRONS[number % 2]] for number in range(KILLS + 2)]
    process = subprocess.Popen(
        [sys.executable, str(script), str(project.path), str(len(rounds))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def schedule(arguments: list[str], lifetime: float) -> float:
        """Run the command; the seconds it took."""
        assert process.stdout.readline() == "start\n"
        begin = time.monotonic()
        process.stdin.write(f"{lifetime} {' '.join(arguments)}\n")
        process.stdin.flush()
        process.stdout.readline()
        return time.monotonic() - begin

    def crons() -> list[str]:
        # A request that was sent may still be heard.
        time.sleep(0.05)
        return [one.cron.partition(" ")[2] for one in service.schedules.all()]

    schedule(rounds[0], -1)
    assert crons() == [CRONS[0]]
    name = service.schedules.all()[0].name
    whole = schedule(rounds[1], -1)
    assert crons() == [CRONS[1]]
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    seen = []
    for arguments in rounds[2:]:
        schedule(arguments, whole * moments.uniform(0, 1.2))
        seen += crons()
        assert [one.name for one in service.schedules.all()] == [name], f"seed {seed}"
    process.communicate(timeout=60)
    assert len(seen) == KILLS
    assert set(seen) == set(CRONS), f"each was killed too early, seed {seed}"


@pytest.mark.slow
def test_a_killed_command_makes_one_schedule_at_most(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> None:
    service.settings.execute = False
