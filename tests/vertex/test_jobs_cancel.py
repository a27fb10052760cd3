"""`kedro vertexai cancel`: the job ends, and its MLflow run is KILLED whoever ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import pytest
from google_service import GoogleService, Job
from mlflow_server import running_mlflow
from project_factory import KedroProject
from told_jobs import ToldJobs, told_run

NewProject = Callable[..., KedroProject]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server; its URL."""
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as host:
        yield f"http://{host}"


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """MLflow's server is that of before."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def client(server: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(server)


@pytest.fixture
def jobs(service: GoogleService, new_project: NewProject, server: str) -> ToldJobs:
    return ToldJobs(service, new_project(mlflow={"server": {"mlflow_tracking_uri": server}}))


@pytest.fixture
def untracked(service: GoogleService, new_project: NewProject) -> ToldJobs:
    return ToldJobs(service, new_project())


def tracked_job(jobs: ToldJobs, client: Any, *, tells: bool = True) -> tuple[Job, str]:
    """A running job, and the MLflow run that its first task has opened.

    Args:
        jobs: of a project.
        client: of its server.
        tells: whether that task has got so far as to tell of the run.
    """
    package = jobs.project.package
    known = client.get_experiment_by_name(package)
    experiment = known.experiment_id if known else client.create_experiment(package)
    run = client.create_run(
        experiment,
        tags={"vertexai_job_name": "shop-1", "vertexai_current_node": "start"},
    )
    job = jobs.new("shop-1")
    job.start()
    if tells:
        told = told_run(run.info.run_id, experiment)
        job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told)
    else:
        job.set_task("mlflow-start-run", "RUNNING")
    return job, run.info.run_id


def ends_when_asked(job: Job, state: str = "CANCELLED") -> threading.Thread:
    """Vertex AI cancels in its own time."""

    def follow() -> None:
        while job.state != "CANCELLING":
            job.ended.wait(0.01)
        job.set_state(state)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.parametrize("tells", [True, False])
def test_a_run_that_nobody_has_closed_is_killed(jobs: ToldJobs, client: Any, tells: bool) -> None:
    job, run_id = tracked_job(jobs, client, tells=tells)
    ends_when_asked(job)
    assert jobs.printed("cancel", "shop-1", "--yes") == [
        "job shop-1 is being cancelled",
        "job shop-1 is CANCELLED",
        f"MLflow run {run_id} is KILLED",
    ]
    run = client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["vertexai_error"] == "the job was cancelled"
    assert "vertexai_current_node" not in run.data.tags


@pytest.mark.slow
@pytest.mark.parametrize("status", ["KILLED", "FAILED"])
def test_a_run_that_the_last_task_has_closed_is_left_alone(
    jobs: ToldJobs, client: Any, status: str
) -> None:
    job, run_id = tracked_job(jobs, client)
    client.set_terminated(run_id, status)
    before = client.get_run(run_id)
    ends_when_asked(job)
    assert jobs.printed("cancel", "shop-1", "--yes")[-1] == f"MLflow run {run_id} is {status}"
    after = client.get_run(run_id)
    assert after.info.end_time == before.info.end_time
    assert after.data.tags == before.data.tags


@pytest.mark.slow
def test_a_second_cancel_closes_the_run_of_a_job_that_was_cancelled(
    jobs: ToldJobs, client: Any
) -> None:
    job, run_id = tracked_job(jobs, client)
    job.set_state("CANCELLED")
    assert jobs.refusal("cancel", "shop-1") == (
        f"job shop-1 has ended before: it is CANCELLED; MLflow run {run_id} is KILLED"
    )
    assert client.get_run(run_id).info.status == "KILLED"


@pytest.mark.slow
def test_a_run_that_another_job_has_gone_on_with_is_left_to_it(jobs: ToldJobs, client: Any) -> None:
    job, run_id = tracked_job(jobs, client)
    client.set_tag(run_id, "vertexai_job_name", "shop-2")
    ends_when_asked(job)
    assert jobs.printed("cancel", "shop-1", "--yes")[-1] == "job shop-1 is CANCELLED"
    assert client.get_run(run_id).info.status == "RUNNING"


LOGIN = """
    from kedro_vertexai.dynamic_config import DynamicConfigProvider


    class Login(DynamicConfigProvider):
        target_config_file = "credentials.yml"

        def generate_config(self):
            {generates}
"""


def with_login(
    new_project: NewProject, server: str, module: str, generates: str, **files: str
) -> KedroProject:
    """A project whose tasks write their own token for the server."""
    return new_project(
        mlflow={"server": {"mlflow_tracking_uri": server, "credentials": "mlflow_login"}},
        run_config={"dynamic_config_providers": [{"cls": f"{module}.Login"}]},
        files={f"src/{module}.py": dedent(LOGIN).format(generates=generates), **files},
    )


@pytest.mark.slow
def test_a_token_that_each_task_writes_for_itself_is_made_for_this_too(
    service: GoogleService, new_project: NewProject, server: str, client: Any
) -> None:
    token = 'return {"mlflow_login": {"MLFLOW_TRACKING_TOKEN": "S3CRET"}}'
    project = with_login(new_project, server, "login_of_tasks", token)
    jobs = ToldJobs(service, project)
    job, run_id = tracked_job(jobs, client)
    ends_when_asked(job)
    printed = jobs.printed("cancel", "shop-1", "--yes")
    assert printed[-1] == f"MLflow run {run_id} is KILLED"
    left = [file for file in project.path.rglob("*") if file.is_file()]
    assert not [file for file in left if b"S3CRET" in file.read_bytes() and "src" not in file.parts]


@pytest.mark.slow
def test_where_only_tasks_can_make_their_token_ones_own_credentials_are_taken(
    service: GoogleService, new_project: NewProject, server: str, client: Any
) -> None:
    project = with_login(
        new_project,
        server,
        "no_login_here",
        'raise OSError("only in a task")',
        **{"conf/local/credentials.yml": "mlflow_login: {MLFLOW_TRACKING_TOKEN: mine}"},
    )
    (project.path / "conf" / "base" / "notes.yml").symlink_to("nowhere")
    jobs = ToldJobs(service, project)
    job, run_id = tracked_job(jobs, client)
    ends_when_asked(job)
    done = project.invoke("cancel", "shop-1", "--yes")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"MLflow run {run_id} is KILLED"
    assert "the provider failed with OSError; conf is taken as it is" in done.stderr


def test_a_server_that_cannot_be_reached_is_said_and_the_job_is_cancelled(
    service: GoogleService, new_project: NewProject
) -> None:
    jobs = ToldJobs(
        service, new_project(mlflow={"server": {"mlflow_tracking_uri": "http://127.0.0.1:1"}})
    )
    job = jobs.new("shop-1")
    job.set_task("mlflow-start-run", "SUCCEEDED", output_parameters=told_run("abc"))
    ends_when_asked(job)
    message = jobs.refusal("cancel", "shop-1", "--yes")
    assert message.startswith("job shop-1 is cancelled, but its MLflow run is not closed: ")
    assert "MLflow at http://127.0.0.1:1: Connection refused" in message
    assert "`kedro vertexai cancel shop-1` tries again" in message
    assert job.state == "CANCELLED"


def test_without_mlflow_nobody_asks_for_it(untracked: ToldJobs) -> None:
    job = untracked.new("shop-1")
    job.start()
    ends_when_asked(job)
    assert untracked.printed("cancel", "shop-1", "--yes")[-1] == "job shop-1 is CANCELLED"


def test_it_asks_before(untracked: ToldJobs) -> None:
    job = untracked.new("shop-1")
    done = untracked.project.invoke("cancel", "shop-1")
    assert done.exit_code == 1
    assert "Cancel job shop-1, which is PENDING?" in done.output
    assert job.state == "PENDING"


def test_it_need_not_be_waited_for(untracked: ToldJobs) -> None:
    job = untracked.new("shop-1")
    assert untracked.printed("cancel", "shop-1", "--yes", "--no-wait")[0] == (
        "job shop-1 is being cancelled"
    )
    assert job.state == "CANCELLING"


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
def test_a_job_that_has_ended_is_not_cancelled(untracked: ToldJobs, state: str) -> None:
    untracked.new("shop-1").set_state(state)
    assert untracked.refusal("cancel", "shop-1") == f"job shop-1 has ended before: it is {state}"
    assert untracked.service.asked("POST", ":cancel$") == []


def test_a_job_that_ends_by_itself_meanwhile_is_no_success(untracked: ToldJobs) -> None:
    ends_when_asked(untracked.new("shop-1"), "SUCCEEDED")
    assert untracked.refusal("cancel", "shop-1", "--yes") == (
        "job shop-1 ended before that: it is SUCCEEDED"
    )


def test_a_request_whose_answer_is_lost_is_sent_again(untracked: ToldJobs) -> None:
    job = untracked.new("shop-1")
    untracked.service.fail("POST", ":cancel$", reset=True, after=True)
    ends_when_asked(job)
    assert untracked.printed("cancel", "shop-1", "--yes")[-1] == "job shop-1 is CANCELLED"
