"""Start and finish as an engine calls them: experiment, run, tags, repeats and final statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import Engine

from kedro_vertexai.task_inputs import JOB, RUN

PAGE = (
    "https://console.cloud.google.com/vertex-ai/locations/europe-west1/pipelines/runs/{job}"
    "?project=my-project"
)
SUCCEEDED = {"state": "SUCCEEDED", "error": {}}
REQUIRED = {"required": True, "retry_for": 1}
FAILED = {
    "state": "FAILED",
    "error": {"code": 9, "message": "The failed tasks are: [a-1, b]."},
}


def runs_of(client: Any, experiment: str) -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id]))


def test_experiment_and_run_are_as_mlflow_yml_says(
    engine: Callable[..., Engine], client: Any, tmp_path: Path
) -> None:
    job = engine(
        {
            "experiment": {
                "name": "as-told",
                "create_experiment_kwargs": {
                    "artifact_location": (tmp_path / "art").as_uri(),
                    "tags": {"team": "x"},
                },
            },
            "run": {"name": "${runtime_params:run_name, plain}"},
        },
        tracking={
            "required": True,
            "retry_for": 1,
            "image": "image@sha256:12",
            "plugin_version": "9",
            "job_page": PAGE,
        },
        env={"KEDRO_CONFIG_COMMIT_ID": "c0ffee"},
    )
    done = job.start(runtime_params=json.dumps({"run_name": "told"}))
    assert done.code == 0, done.log
    experiment = client.get_experiment_by_name("as-told")
    assert experiment.tags["team"] == "x"
    assert experiment.artifact_location == (tmp_path / "art").as_uri()
    (run,) = runs_of(client, "as-told")
    assert run.info.run_id == done.parameters[JOB]["run_id"]
    assert (run.info.run_name, run.info.status) == ("told", "RUNNING")
    expected = {
        "vertexai_run_id": tmp_path.name,
        "vertexai_job_name": "job",
        "vertexai_job_url": PAGE.replace("{job}", "job"),
        "vertexai_image": "image@sha256:12",
        "vertexai_plugin_version": "9",
        "mlflow.source.git.commit": "c0ffee",
        "kedro_pipeline": "__default__",
        "kedro_env": "local",
    }
    assert expected.items() <= run.data.tags.items()


def test_an_experiment_that_was_deleted_is_restored(
    engine: Callable[..., Engine], client: Any
) -> None:
    client.delete_experiment(client.create_experiment("deleted"))
    done = engine({"experiment": {"name": "deleted"}}).start()
    assert done.code == 0, done.log
    assert client.get_experiment_by_name("deleted").lifecycle_stage == "active"


def test_one_that_must_stay_deleted_is_named(engine: Callable[..., Engine], client: Any) -> None:
    client.delete_experiment(client.create_experiment("gone"))
    done = engine({"experiment": {"name": "gone", "restore_if_deleted": False}}).start()
    assert done.code == 1
    assert "cannot open the MLflow run" in done.line
    assert "'gone'" in done.line


def test_a_start_that_is_tried_again_finds_its_run(
    engine: Callable[..., Engine], client: Any
) -> None:
    job = engine({"experiment": {"name": "again"}})
    first, second = job.start(), job.start()
    assert first.parameters == second.parameters
    assert len(runs_of(client, "again")) == 1


def test_starts_at_the_same_time_end_with_one_run(
    engine: Callable[..., Engine], client: Any
) -> None:
    job = engine({"experiment": {"name": "at-once"}})
    ends = [job.starting() for _ in range(3)]
    done = [end() for end in ends]
    assert [one.code for one in done] == [0, 0, 0], [one.log for one in done]
    (run,) = runs_of(client, "at-once")
    assert {one.parameters[JOB]["run_id"] for one in done} == {run.info.run_id}


def test_a_run_that_mlflow_yml_names_is_gone_on_with(
    engine: Callable[..., Engine], client: Any
) -> None:
    run = client.create_run(client.create_experiment("named"), run_name="kept")
    client.set_terminated(run.info.run_id)
    job = engine({"experiment": {"name": "named"}, "run": {"id": run.info.run_id}})
    done = job.start()
    assert done.parameters[JOB]["run_id"] == run.info.run_id, done.log
    (found,) = runs_of(client, "named")
    assert (found.info.run_name, found.info.status) == ("kept", "RUNNING")
    assert job.finish(SUCCEEDED).parameters[RUN]["status"] == "FINISHED"


def test_a_run_of_another_experiment_is_refused(engine: Callable[..., Engine], client: Any) -> None:
    run = client.create_run(client.create_experiment("other"))
    done = engine({"experiment": {"name": "mine"}, "run": {"id": run.info.run_id}}).start()
    assert done.code == 1
    assert f"the run {run.info.run_id} that mlflow.yml names is in experiment" in done.line


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (SUCCEEDED, "FINISHED"),
        (json.dumps(SUCCEEDED), "FINISHED"),
        ({"state": "succeeded", "pipelineTaskName": "x"}, "FINISHED"),
        ({"state": "CANCELLED", "pipeline_task_name": "x"}, "KILLED"),
        ({"state": "SKIPPED"}, "KILLED"),
        ({"state": "FAILED", "error": None}, "FAILED"),
        ({"state": "failed", "error": "a word"}, "FAILED"),
        ("", "FAILED"),
        ("[]", "FAILED"),
        ("the job was lost", "FAILED"),
    ],
)
def test_every_engines_final_status_is_understood(
    engine: Callable[..., Engine], given: Any, status: str, client: Any
) -> None:
    job = engine({"experiment": {"name": "final"}})
    job.start()
    done = job.finish(given)
    assert done.code == 0, done.log
    assert done.parameters[RUN]["status"] == status


def test_a_task_that_said_nothing_is_named_as_the_user_names_it(
    engine: Callable[..., Engine],
) -> None:
    titles = {"required": True, "retry_for": 1, "titles": {"a-1": "a_1"}}
    job = engine({"experiment": {"name": "silent"}}, tracking=titles)
    job.start()
    tags = job.finish(FAILED).parameters[RUN]["tags"]
    assert tags["vertexai_failed_node"] == "a_1, b"
    assert tags["vertexai_error"] == "The failed tasks are: [a-1, b]."


def test_a_final_status_that_is_none_is_shown_on_the_run(engine: Callable[..., Engine]) -> None:
    job = engine({"experiment": {"name": "unheard of"}})
    job.start()
    tags = job.finish("the job was lost").parameters[RUN]["tags"]
    assert tags["vertexai_error"] == (
        "the engine's final status of the job is not understood: 'the job was lost'"
    )


FAILS = """
    def fails(value):
        raise ValueError(f"no price for {value}")

    NODES = [node(fails, "params:start", None, name=name) for name in ("a_1", "of_a_group", "b")]
"""


@pytest.mark.parametrize(
    ("node", "engines", "expected", "error"),
    [
        # One task told of its failure, and another was killed.
        ("b", "a-1, b", "b, a_1", "ValueError: no price for 7"),
        ("b", "b", "b", "ValueError: no price for 7"),
        # It tells by its node, and the engine by the task.
        ("of_a_group", "the-group", "of_a_group", "ValueError: no price for 7"),
        ("of_a_group", "the-group, b", "of_a_group, b", "ValueError: no price for 7"),
        # KFP's name for all tasks, which tells nothing.
        ("b", "exit-handler-1", "b", "ValueError: no price for 7"),
        # A node that has failed, and whose task then was tried again and succeeded.
        ("b", "a-1", "a_1", "The failed tasks are: [a-1]."),
    ],
)
def test_every_task_that_the_engine_names_is_on_the_run(
    engine: Callable[..., Engine], node: str, engines: str, expected: str, error: str
) -> None:
    names = {"titles": {"a-1": "a_1", "the-group": "the group"}}
    tracking = {**REQUIRED, **names, "groups": {"the group": ["of_a_group", "other"]}}
    project = {"nodes": FAILS, "parameters": {"start": 7}}
    job = engine({"experiment": {"name": "named"}}, project, tracking=tracking)
    assert job.task(node, job.start().parameters[JOB]).code == 1
    message = f"The failed tasks are: [{engines}]."
    tags = job.finish({"state": "FAILED", "error": {"message": message}}).parameters[RUN]["tags"]
    assert tags["vertexai_failed_node"] == expected
    assert tags["vertexai_error"] == error


@pytest.mark.parametrize("job_state", ["SUCCEEDED", "FAILED"])
def test_a_run_is_closed_though_its_experiment_is_renamed_while_the_job_runs(
    engine: Callable[..., Engine], client: Any, job_state: str
) -> None:
    job = engine({"experiment": {"name": f"before {job_state}"}})
    started = job.start().parameters[JOB]
    client.rename_experiment(started["experiment_id"], f"after {job_state}")
    done = job.finish({"state": job_state})
    assert done.code == 0, done.log
    assert done.parameters[RUN]["id"] == started["run_id"]
    assert client.get_run(started["run_id"]).info.status in ("FINISHED", "FAILED")
    assert client.get_experiment_by_name(f"before {job_state}") is None


def test_a_run_is_closed_though_each_process_has_another_name_for_its_experiment(
    engine: Callable[..., Engine], client: Any
) -> None:
    job = engine({"experiment": {"name": "${km.random_name:}"}})
    started = job.start().parameters[JOB]
    done = job.finish(SUCCEEDED)
    assert done.code == 0, done.log
    assert client.get_run(started["run_id"]).info.status == "FINISHED"


def test_a_job_that_succeeded_and_has_lost_its_run_says_so(
    engine: Callable[..., Engine], client: Any
) -> None:
    job = engine({"experiment": {"name": "lost"}}, tracking=REQUIRED)
    client.delete_run(job.start().parameters[JOB]["run_id"])
    done = job.finish(SUCCEEDED)
    assert done.code == 1
    assert f"has the tag vertexai_run_id = '{job.job_id}'. Either it has been deleted" in done.line


def test_without_a_run_there_is_nothing_to_close(
    engine: Callable[..., Engine], client: Any
) -> None:
    done = engine({"experiment": {"name": "never"}}).finish(FAILED)
    assert (done.code, done.parameters) == (0, {RUN: None}), done.log
    assert client.get_experiment_by_name("never") is None
