"""`kedro vertexai schedule --list`, `--pause`, `--resume` and `--delete`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from project_factory import IMAGE, KedroProject

NewProject = Callable[..., KedroProject]

TWO_PIPELINES = """
def double(x):
    return 2 * x

PIPELINES = {
    name: Pipeline([node(double, "params:start", "doubled", name="double")])
    for name in ("__default__", "Train.it")
}
"""


@pytest.fixture
def project(new_project: NewProject, service: GoogleService, bucket: Bucket) -> KedroProject:
    service.settings.execute = False
    made = new_project(
        nodes=TWO_PIPELINES,
        parameters={"start": 21},
        catalog={},
        run_config={"root": bucket.root.removeprefix("gs://")},
    )
    service.images.push(IMAGE, made.path)
    return made


@pytest.fixture
def two(project: KedroProject) -> KedroProject:
    """The project with a schedule of each pipeline."""
    run(project, "-c", "0 3 * * *", "-t", "Europe/Berlin")
    run(project, "-p", "Train.it")
    return project


def run(project: KedroProject, *arguments: str, code: int = 0) -> str:
    result = project.invoke("schedule", *arguments)
    assert result.exit_code == code, result.output
    return result.output


def listed(project: KedroProject, *arguments: str) -> dict[str, dict[str, Any]]:
    result = project.invoke("schedule", "--list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return {one["pipeline"]: one for one in json.loads(result.stdout)}


def states(service: GoogleService) -> dict[str, int]:
    """1 is active, 2 paused; by the label of the pipeline."""
    return {
        one.create_pipeline_job_request.pipeline_job.labels["kedro_pipeline"][:5]: one.state
        for one in service.schedules.all()
    }


class TestTheList:
    def test_tells_of_each_schedule(self, service: GoogleService, two: KedroProject) -> None:
        found = listed(two)
        assert set(found) == {"__default__", "Train.it"}
        one = found["__default__"]
        assert (one["cron"], one["timezone"]) == ("0 3 * * *", "Europe/Berlin")
        assert (one["state"], one["env"], one["last_job"]) == ("ACTIVE", "local", None)
        assert one["next_run"].endswith("Z")
        assert f"/schedules/{one['id']}?project=" in one["link"]

    def test_tells_of_the_last_job_that_a_schedule_has_started(
        self, service: GoogleService, two: KedroProject
    ) -> None:
        service.schedules.fire(two.package)
        last = service.schedules.fire(two.package)
        # Another job of the same pipeline, which no schedule has started.
        two.invoke("run-once", "--no-check")
        found = listed(two)
        assert found["__default__"]["last_job"] == last.id
        assert found["Train.it"]["last_job"] is None

    def test_is_a_table_for_people(self, two: KedroProject) -> None:
        header, *rows = run(two, "--list").splitlines()
        assert header.split()[:3] == ["PIPELINE", "ENV", "CRON"]
        assert len([row for row in rows if "Warning" not in row]) == 2

    def test_of_one_pipeline(self, two: KedroProject) -> None:
        assert set(listed(two, "-p", "Train.it")) == {"Train.it"}

    def test_leaves_out_those_of_other_projects(
        self, two: KedroProject, new_project: NewProject
    ) -> None:
        other = new_project()
        assert listed(other) == {}
        assert "no schedules" in run(other, "--list")

    def test_warns_of_a_pipeline_that_is_gone(self, two: KedroProject) -> None:
        assert "no longer registered" not in run(two, "--list")
        nodes = two.path / f"src/{two.package}/nodes.py"
        nodes.write_text(nodes.read_text().replace('"Train.it"', '"other"'))
        assert run(two, "--list").count("is no longer registered in this project") == 1

    def test_warns_of_an_image_that_is_gone(
        self, service: GoogleService, two: KedroProject
    ) -> None:
        assert "does not exist" not in run(two, "--list")
        service.images.remove(IMAGE)
        assert f"image {IMAGE} does not exist" in run(two, "--list")

    def test_warns_of_two_of_one_pipeline(self, two: KedroProject, clients: Any) -> None:
        twin = clients.schedules.list_schedules(parent=clients.location.parent).schedules[0]
        twin.name = ""
        clients.schedules.create_schedule(parent=clients.location.parent, schedule=twin)
        assert "pipeline 'Train.it' has more than one schedule" in run(two, "--list")


class TestPauseAndResume:
    def test_of_one_pipeline(self, service: GoogleService, two: KedroProject) -> None:
        run(two, "--pause", "-p", "Train.it")
        assert states(service) == {"__def": 1, "train": 2}
        run(two, "--resume", "-p", "Train.it")
        assert states(service) == {"__def": 1, "train": 1}

    def test_of_all(self, service: GoogleService, two: KedroProject) -> None:
        run(two, "--pause", "--all")
        assert set(states(service).values()) == {2}

    def test_starts_no_job_that_was_missed(self, service: GoogleService, two: KedroProject) -> None:
        run(two, "--pause")
        run(two, "--resume")
        assert not service.asked("POST", ":resume$")[0].body.get("catchUp", False)

    def test_twice_is_as_once(self, service: GoogleService, two: KedroProject) -> None:
        run(two, "--pause", "--all")
        run(two, "--pause", "--all")
        assert set(states(service).values()) == {2}

    def test_whose_answer_is_lost_is_done(self, service: GoogleService, two: KedroProject) -> None:
        service.fail("POST", ":pause$", reset=True, after=True)
        run(two, "--pause")
        assert states(service)["__def"] == 2


class TestDelete:
    def test_asks_first(self, service: GoogleService, two: KedroProject) -> None:
        assert "Delete?" in run(two, "--delete", code=1)
        assert len(service.schedules.all()) == 2

    def test_of_one_pipeline_leaves_the_other(
        self, service: GoogleService, two: KedroProject
    ) -> None:
        run(two, "--delete", "--yes")
        assert list(states(service)) == ["train"]

    def test_of_a_pipeline_that_is_no_longer_registered(
        self, service: GoogleService, two: KedroProject
    ) -> None:
        nodes = two.path / f"src/{two.package}/nodes.py"
        nodes.write_text(nodes.read_text().replace('"Train.it"', '"other"'))
        run(two, "--delete", "--yes", "-p", "Train.it")
        assert list(states(service)) == ["__def"]

    def test_of_all_leaves_those_of_other_projects(
        self, service: GoogleService, two: KedroProject, new_project: NewProject, bucket: Bucket
    ) -> None:
        other = new_project(run_config={"root": bucket.root.removeprefix("gs://")})
        run(other)
        run(two, "--delete", "--all", "--yes")
        assert len(service.schedules.all()) == 1

    def test_whose_answer_is_lost_is_done(self, service: GoogleService, two: KedroProject) -> None:
        service.fail("DELETE", "schedules/", reset=True, after=True)
        run(two, "--delete", "--yes")
        assert list(states(service)) == ["train"]

    def test_is_only_shown_by_a_dry_run(self, service: GoogleService, two: KedroProject) -> None:
        assert "to delete: schedule" in run(two, "--delete", "--all", "--dry-run")
        assert len(service.schedules.all()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pause",), "there is no schedule of pipeline '__default__'"),
        (("--delete", "--all", "--yes"), "there is no schedule of any pipeline"),
        (("--all",), "--all goes with --list, --pause, --resume, --delete only"),
        (("--list", "--all", "-p", "x"), "exclude each other"),
        (("--json",), "--json goes with --list only"),
        (("--pause", "-c", "0 3 * * *"), "--cron-expression says nothing with --pause"),
    ],
)
def test_what_would_do_nothing_is_refused(
    project: KedroProject, arguments: tuple[str, ...], message: str
) -> None:
    assert message in run(project, *arguments, code=1)
