"""Killed at any moment, `schedule` leaves the old schedule or the new one, and never two."""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from project_factory import KedroProject

KILLS = 20
CRONS = ("0 1 * * *", "0 2 * * *")

# Runs `schedule` with more options for so many seconds, -1 for as long as it takes; returns the
# seconds it took.
Run = Callable[..., float]


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    service.settings.execute = False
    return new_project(run_config={"root": bucket.root.removeprefix("gs://")})


@contextmanager
def killable(project: KedroProject, times: int) -> Iterator[Run]:
    script = Path(__file__).with_name("submissions.py")
    process = subprocess.Popen(
        [
            sys.executable,
            str(script),
            str(project.path),
            str(times),
            "schedule",
            "--yes",
            "--no-check",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def run(seconds: float, *options: str) -> float:
        assert process.stdout.readline() == "start\n"
        begin = time.monotonic()
        process.stdin.write(f"{seconds} {shlex.join(options)}\n")
        process.stdin.flush()
        process.stdout.readline()
        return time.monotonic() - begin

    yield run
    process.communicate(timeout=60)


def crons(service: GoogleService) -> list[str]:
    # A request that was sent may still be heard.
    time.sleep(0.05)
    return [one.cron.partition(" ")[2] for one in service.schedules.all()]


@pytest.mark.slow
def test_a_killed_change_leaves_the_old_schedule_or_the_new_one(
    project: KedroProject, service: GoogleService
) -> None:
    seed = random.randrange(2**32)
    moments, seen = random.Random(seed), []
    with killable(project, KILLS + 3) as run:
        run(-1, "-c", CRONS[0])
        assert crons(service) == [CRONS[0]]
        name = service.schedules.all()[0].name
        whole = min(run(-1, "-c", CRONS[number]) for number in (1, 0))
        for number in range(KILLS):
            (before,) = crons(service)
            run(whole * moments.uniform(0, 1.2), "-c", CRONS[1 - CRONS.index(before)])
            (after,) = crons(service)
            seen.append(after == before)
            assert [one.name for one in service.schedules.all()] == [name], f"seed {seed}, {number}"
    assert any(seen), f"each was killed too late, seed {seed}"
    assert not all(seen), f"each was killed too early, seed {seed}"


@pytest.mark.slow
def test_a_new_schedule_is_there_as_a_whole_or_not_at_all_and_never_twice(
    project: KedroProject, service: GoogleService
) -> None:
    seed = random.randrange(2**32)
    moments, made = random.Random(seed), []
    with killable(project, 2 * KILLS + 2) as run:
        whole = []
        for _ in range(2):
            whole.append(run(-1, "-c", CRONS[0]))
            project.invoke("schedule", "--delete", "--yes")
        for _ in range(KILLS):
            run(min(whole) * moments.uniform(0, 1.2), "-c", CRONS[0])
            made.append(len(crons(service)))
            # Whoever runs it once more gets what was asked for.
            run(-1, "-c", CRONS[0])
            assert crons(service) == [CRONS[0]], f"seed {seed}"
            project.invoke("schedule", "--delete", "--yes")
    assert set(made) == {0, 1}, f"seed {seed}: {made}"
