"""`kedro vertexai schedule`: made once, changed in place, and nobody else's touched."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloud_storage import Bucket
from google_service import GoogleService
from local_run import mlflow_runs
from project_factory import IMAGE, KedroProject

NewProject = Callable[..., KedroProject]

TWO_PIPELINES = """
def double(x):
    return 2 * x

PIPELINES = {
    "__default__": Pipeline([node(double, "params:start", "doubled", name="double")]),
    "train": Pipeline([node(double, "params:start", "doubled", name="double")]),
}
"""
DAILY = ("-c", "0 3 * * *", "-t", "Europe/Berlin")


@pytest.fixture
def project(new_project: NewProject, service: GoogleService, bucket: Bucket) -> KedroProject:
    return make(new_project, bucket)


def make(new_project: NewProject, bucket: Bucket, **run_config: Any) -> KedroProject:
    return new_project(
        nodes=TWO_PIPELINES,
        parameters={"start": 21},
        catalog={},
        run_config={"root": bucket.root.removeprefix("gs://"), **run_config},
    )


def run(project: KedroProject, *arguments: str, code: int = 0) -> str:
    """Without the pre-flight, of which the image would have to be in a registry."""
    result = project.invoke("schedule", "--no-check", *arguments)
    assert result.exit_code == code, result.output
    return result.output


def commit(project: KedroProject) -> str:
    """Commit all that there is, which may be nothing new; the commit."""
    git = ["git", "-C", str(project.path), "-c", "user.name=n", "-c", "user.email=e@e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def sent(service: GoogleService) -> list[tuple[str, str]]:
    """What was asked that changes something."""
    return [(one.method, one.path) for one in service.requests if one.method != "GET"]


class TestANewSchedule:
    def test_has_the_settings_and_the_job(
        self, service: GoogleService, project: KedroProject, bucket: Bucket
    ) -> None:
        output = run(project, *DAILY, "--max-run-count", "9", "--param", "start=5", "-p", "train")
        (schedule,) = service.schedules.all()
        assert schedule.cron == "TZ=Europe/Berlin 0 3 * * *"
        assert schedule.max_run_count == 9
        assert schedule.display_name == f"{project.package} train"
        job = schedule.create_pipeline_job_request.pipeline_job
        assert job.runtime_config.gcs_output_directory == bucket.root
        assert {
            "kedro_project": project.package,
            "kedro_pipeline": "train",
            "kedro_env": "local",
        }.items() <= dict(job.labels).items()
        assert "created, next run 20" in output
        assert f"/schedules/{schedule.name.rpartition('/')[2]}?project=" in output

    def test_may_limit_the_jobs_that_run_at_once(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project, "--max-concurrent-active-run-count", "2")
        (schedule,) = service.schedules.all()
        assert schedule.max_concurrent_active_run_count == 2
        output = run(project, "--max-concurrent-active-run-count", "3", "--yes")
        assert "most runs at once: 2 -> 3" in output
        assert "at most 3 runs at once" in run(project, "--yes", code=1)

    def test_runs_the_pipeline_when_it_is_due(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        service.images.push(IMAGE, project.path)
        run(project, *DAILY)
        jobs = [service.schedules.fire() for _ in range(2)]
        assert [job.wait() for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
        assert jobs[0].id != jobs[1].id

    def test_has_an_mlflow_run_for_each_job(
        self, new_project: NewProject, service: GoogleService, bucket: Bucket, tmp_path: Path
    ) -> None:
        database = tmp_path / "mlflow.db"
        project = new_project(
            catalog={},
            mlflow={"server": {"mlflow_tracking_uri": f"sqlite:///{database}"}},
            run_config={"root": bucket.root.removeprefix("gs://")},
        )
        service.images.push(IMAGE, project.path)
        run(project, *DAILY)
        jobs = []
        for _ in range(2):
            jobs.append(service.schedules.fire())
            assert jobs[-1].wait() == "SUCCEEDED", jobs[-1].message().error
        names = {one.data.tags["vertexai_job_name"] for one in mlflow_runs(database)}
        assert names == {job.id for job in jobs}

    def test_takes_what_the_configuration_says(
        self, new_project: NewProject, service: GoogleService, bucket: Bucket
    ) -> None:
        schedules = {"train": {"cron_expression": "7 7 * * *", "max_concurrent_run_count": 2}}
        project = make(new_project, bucket, schedules=schedules, scheduled_run_name="nightly")
        output = run(project, "-p", "train")
        (schedule,) = service.schedules.all()
        assert (schedule.cron, schedule.max_concurrent_run_count) == ("TZ=Etc/UTC 7 7 * * *", 2)
        assert schedule.display_name == "nightly train"
        assert "not applied" not in output

    @pytest.mark.parametrize(
        ("template", "name"),
        [("{pipeline} of {env}", "train of local"), ("{odd} {0}", "{odd} {0} train")],
    )
    def test_its_name_may_be_a_template(
        self,
        new_project: NewProject,
        service: GoogleService,
        bucket: Bucket,
        template: str,
        name: str,
    ) -> None:
        run(make(new_project, bucket, scheduled_run_name=template), "-p", "train")
        assert [one.display_name for one in service.schedules.all()] == [name]

    def test_stages_inputs_before_it_is_made(
        self, new_project: NewProject, service: GoogleService, bucket: Bucket
    ) -> None:
        project = new_project(
            nodes='NODES = [node(first, "raw", "result", name="read")]',
            catalog={"raw": {"type": "pandas.CSVDataset", "filepath": "data/raw.csv"}},
            files={"data/raw.csv": "a\n1\n"},
            run_config={"root": bucket.root.removeprefix("gs://")},
        )
        service.fail("POST", "schedules$", status=403)
        run(project, code=1)
        assert service.schedules.all() == []
        assert any("raw" in name for name in bucket.objects())

    @pytest.mark.parametrize(
        "mistake",
        [("-c", "nonsense"), ("-t", "Mars/Base"), ("-p", "no_such"), ("--end-time", "soon")],
    )
    def test_is_not_asked_for_with_a_mistake(
        self, service: GoogleService, project: KedroProject, mistake: tuple[str, str]
    ) -> None:
        output = run(project, *mistake, code=1)
        assert output.startswith("Error: ")
        assert service.requests == []


class TestThePreFlight:
    def test_makes_no_schedule_of_jobs_that_could_not_run(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        result = project.invoke("schedule", *DAILY)
        assert result.exit_code == 1
        assert "image" in result.output
        assert not service.schedules.all()

    def test_lets_pass_what_can_run(self, service: GoogleService, project: KedroProject) -> None:
        service.images.push(IMAGE, project.path)
        result = project.invoke("schedule", *DAILY)
        assert result.exit_code == 0, result.output
        assert len(service.schedules.all()) == 1


class TestOneForEachPipelineAndEnvironment:
    def test_pipelines_do_not_touch_each_other(
        self, new_project: NewProject, service: GoogleService, bucket: Bucket
    ) -> None:
        # In version 1.0, schedules of one name overwrote each other.
        project = make(new_project, bucket, scheduled_run_name="nightly")
        run(project, "-p", "train")
        run(project)
        before = {one.display_name: one for one in service.schedules.all()}
        assert sorted(before) == ["nightly", "nightly train"]
        run(project, "-p", "train", *DAILY, "--yes")
        after = {one.display_name: one for one in service.schedules.all()}
        assert after["nightly"] == before["nightly"]
        assert after["nightly train"].cron == "TZ=Europe/Berlin 0 3 * * *"

    def test_environments_do_not_touch_each_other(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        (project.path / "conf/prod").mkdir()
        run(project)
        result = project.invoke("-e", "prod", "schedule", "--no-check", *DAILY)
        assert result.exit_code == 0, result.output
        crons = sorted(one.cron for one in service.schedules.all())
        assert crons == ["TZ=Etc/UTC 0 * * * *", "TZ=Europe/Berlin 0 3 * * *"]

    def test_a_new_name_is_a_change_of_the_same(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project)
        file = project.path / "conf/base/vertexai.yml"
        file.write_text(file.read_text() + "  scheduled_run_name: other\n")
        output = run(project, "--yes")
        assert f"name: {project.package} -> other" in output
        assert [one.display_name for one in service.schedules.all()] == ["other"]

    def test_two_of_one_pipeline_are_reported(
        self, service: GoogleService, project: KedroProject, clients: Any
    ) -> None:
        run(project)
        twin = clients.schedules.list_schedules(parent=clients.location.parent).schedules[0]
        twin.name = ""
        clients.schedules.create_schedule(parent=clients.location.parent, schedule=twin)
        assert "is another schedule of this pipeline" in run(project, "--dry-run")

    def test_one_that_version_1_made_is_reported(
        self, service: GoogleService, project: KedroProject, clients: Any
    ) -> None:
        run(project)
        old = clients.schedules.list_schedules(parent=clients.location.parent).schedules[0]
        old.create_pipeline_job_request.pipeline_job.labels = {}
        old.name = ""
        clients.schedules.create_schedule(parent=clients.location.parent, schedule=old)
        assert "perhaps of version 1.0" in run(project, "--dry-run")


class TestAChange:
    def test_is_made_in_place(self, service: GoogleService, project: KedroProject) -> None:
        run(project)
        (before,) = service.schedules.all()
        output = run(project, *DAILY, "--yes")
        (after,) = service.schedules.all()
        assert after.name == before.name
        assert "cron: TZ=Etc/UTC 0 * * * * -> TZ=Europe/Berlin 0 3 * * *" in output
        assert [method for method, _ in sent(service)] == ["POST", "PATCH"]
        assert service.asked("PATCH")[0].query["updateMask"] == "cron"

    def test_is_asked_for(self, service: GoogleService, project: KedroProject) -> None:
        run(project)
        output = run(project, *DAILY, code=1)
        assert "Change the schedule?" in output
        assert service.schedules.all()[0].cron == "TZ=Etc/UTC 0 * * * *"

    def test_is_only_shown_by_a_dry_run(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        assert "new schedule" in run(project, "--dry-run")
        assert sent(service) == []
        run(project)
        assert "cron: " in run(project, *DAILY, "--dry-run")
        assert [method for method, _ in sent(service)] == ["POST"]

    def test_of_nothing_sends_nothing(self, service: GoogleService, project: KedroProject) -> None:
        run(project, *DAILY, "--param", "start=3")
        before = sent(service)
        output = run(project, *DAILY, "--param", "start=3")
        assert "nothing to change" in output
        assert sent(service) == before

    def test_of_the_pipeline_is_told_in_few_words(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project)
        output = run(project, "--image", f"{IMAGE}-new", "--param", "start=5", "--yes")
        assert (
            f"pipeline spec changed: 1 task, image {IMAGE} -> 1 task, image {IMAGE}-new" in output
        )
        assert "parameter start: none -> 5" in output

    def test_leaves_a_paused_one_paused(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project)
        run(project, "--pause")
        output = run(project, *DAILY, "--yes")
        assert service.schedules.all()[0].state == 2
        assert "still paused" in output

    @pytest.mark.parametrize("fault", [None, {"status": 503, "after": True}])
    def test_leaves_a_paused_one_paused_where_the_service_resumes_it(
        self, service: GoogleService, project: KedroProject, fault: dict[str, Any] | None
    ) -> None:
        service.schedules.update_resumes = True
        run(project)
        run(project, "--pause")
        if fault:
            service.fail("PATCH", "schedules/", **fault)
        output = run(project, *DAILY, "--yes")
        (after,) = service.schedules.all()
        assert (after.cron, after.state) == ("TZ=Europe/Berlin 0 3 * * *", 2)
        assert "still paused" in output

    def test_does_not_pause_what_runs(self, service: GoogleService, project: KedroProject) -> None:
        run(project)
        output = run(project, *DAILY, "--yes")
        assert service.schedules.all()[0].state == 1
        assert "updated, next run 20" in output

    def test_of_the_commit_is_told_as_that_alone(
        self, new_project: NewProject, service: GoogleService, bucket: Bucket, tmp_path: Path
    ) -> None:
        project = new_project(
            catalog={},
            mlflow={"server": {"mlflow_tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}"}},
            run_config={"root": bucket.root.removeprefix("gs://")},
            files={".gitignore": "__pycache__/\n"},
        )
        first = commit(project)
        run(project)
        assert "nothing to change" in run(project)
        second = commit(project)
        shown = [line for line in run(project, "--dry-run").splitlines() if line.startswith("  ")]
        assert shown == [f"  commit: {first} -> {second}"]
        (project.path / "conf/local/note.txt").write_text("not committed")
        run(project, "--yes")
        job = service.schedules.all()[0].create_pipeline_job_request.pipeline_job
        assert job.labels["git_commit"] == second
        assert "nothing to change" in run(project, "--dry-run")
        (project.path / "conf/local/note.txt").unlink()
        assert f"  commit: {second} and changes -> {second}\n" in run(project, "--dry-run")

    def test_that_cannot_be_made_is_refused_before_anything(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project, "--end-time", "2099-01-01T00:00:00Z")
        before = sent(service)
        output = run(project, "--yes", code=1)
        assert "cannot take that back" in output
        assert sent(service) == before

    def test_of_a_start_to_come_takes_it_back(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        run(project, "--start-time", "2098-01-01T00:00:00Z")
        assert "start: 2098-01-01" in run(project, "--yes")
        assert "nothing to change" in run(project)

    def test_of_a_completed_one_is_a_new_one(
        self, service: GoogleService, project: KedroProject
    ) -> None:
        service.settings.execute = False
        run(project, "--max-run-count", "1")
        service.schedules.fire()
        assert "created" in run(project)
        assert len(service.schedules.all()) == 2


class TestRequestsThatGoWrong:
    @pytest.mark.parametrize(
        "fault",
        [{"status": 503}, {"reset": True}, {"reset": True, "after": True},
         {"truncate": True}, {"status": 503, "after": True}, {"status": 429}],
    )  # fmt: skip
    def test_a_schedule_is_made_once(
        self, service: GoogleService, project: KedroProject, fault: dict[str, Any]
    ) -> None:
        service.fail("POST", "schedules$", **fault)
        run(project)
        assert len(service.schedules.all()) == 1

    @pytest.mark.parametrize("fault", [{"status": 503}, {"reset": True, "after": True}])
    def test_a_change_is_made(
        self, service: GoogleService, project: KedroProject, fault: dict[str, Any]
    ) -> None:
        run(project)
        service.fail("PATCH", "schedules/", **fault)
        run(project, *DAILY, "--yes")
        assert [one.cron for one in service.schedules.all()] == ["TZ=Europe/Berlin 0 3 * * *"]

    def test_a_refusal_is_one_line(self, service: GoogleService, project: KedroProject) -> None:
        service.fail("POST", "schedules$", status=403)
        output = run(project, code=1)
        assert "Error: Vertex AI in project" in output
        assert "Traceback" not in output
        assert service.schedules.all() == []
