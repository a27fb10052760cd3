"""Killed at any moment, `schedule` leaves the old schedule or the new one, and never two."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from project_factory import KedroProject
from submissions import killable, lifetimes

KILLS = 20
CRONS = ("0 1 * * *", "0 2 * * *")

SCHEDULE = ("schedule", "--yes", "--no-check")


@pytest.fixture
def project(
    new_project: Callable[..., KedroProject], service: GoogleService, bucket: Bucket
) -> KedroProject:
    service.settings.execute = False
    return new_project(run_config={"root": bucket.root.removeprefix("gs://")})


def crons(service: GoogleService) -> list[str]:
    return [one.cron.partition(" ")[2] for one in service.schedules.all()]


@pytest.mark.slow
def test_a_killed_change_leaves_the_old_schedule_or_the_new_one(
    project: KedroProject, service: GoogleService
) -> None:
    seed = random.randrange(2**32)
    seen = []
    with killable(project.path, KILLS + 3, *SCHEDULE) as run:
        run(-1, "-c", CRONS[0])
        assert crons(service) == [CRONS[0]]
        name = service.schedules.all()[0].name
        whole = min(run(-1, "-c", CRONS[number]) for number in (1, 0))
        for number, lifetime in enumerate(lifetimes(KILLS, seed)):
            (before,) = crons(service)
            run(whole * lifetime, "-c", CRONS[1 - CRONS.index(before)])
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
    made = []
    with killable(project.path, 2 * KILLS + 2, *SCHEDULE) as run:
        whole = []
        for _ in range(2):
            whole.append(run(-1, "-c", CRONS[0]))
            project.invoke("schedule", "--delete", "--yes")
        for lifetime in lifetimes(KILLS, seed):
            run(min(whole) * lifetime, "-c", CRONS[0])
            made.append(len(crons(service)))
            # Whoever runs it once more gets what was asked for.
            run(-1, "-c", CRONS[0])
            assert crons(service) == [CRONS[0]], f"seed {seed}"
            project.invoke("schedule", "--delete", "--yes")
    assert set(made) == {0, 1}, f"seed {seed}: {made}"
