"""A task's part in the run: what it logs, what it leaves as it is, and what it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import STARTS_A_RUN, Engine, OwnRun
from local_run import run_once
from mlflow_proxy import MlflowProxy, Request
from project_factory import KedroProject

from kedro_vertexai.task_inputs import JOB, RUN

NODES = """
    import mlflow

    NODES = [
        node(first, ["params:rate", "params:long"], "one", name="one"),
        node(first, ["one", "params:rate"], "two", name="two"),
    ]
"""
# What each process draws anew, after Kedro has read its configuration.
DRAWS = """
    import os

    from kedro.framework.hooks import hook_impl
    from kedro.io import MemoryDataset


    class Draws:
        @hook_impl
        def after_catalog_created(self, catalog):
            catalog["params:%s"] = MemoryDataset(os.getpid())


    HOOKS = (Draws(),)
"""
ALONE = """
    import mlflow

    def logs(value):
        mlflow.log_metric("seen", 1)

    NODES = [node(logs, "params:start", None, name="logs")]
"""
GROUP = """
    import time

    import mlflow


    def sees_itself(value):
        client, run_id = mlflow.MlflowClient(), mlflow.active_run().info.run_id
        deadline = time.monotonic() + 60
        while client.get_run(run_id).data.tags["vertexai_current_node"] != "sees_itself":
            if time.monotonic() > deadline:
                raise TimeoutError("the run does not tell that this node runs")
            time.sleep(0.2)
        mlflow.log_metric("seen", 1)


    NODES = [
        node(first, "params:start", "a", name="quick"),
        node(first, "a", "b", name="quicker"),
        node(sees_itself, "b", None, name="sees_itself"),
    ]
"""


def git(path: Path, *words: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=path, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("strategy", ["tag", "truncate"])
def test_a_run_keeps_its_name_and_speaks_of_the_whole_job(
    new_project: Callable[..., KedroProject],
    proxy: MlflowProxy,
    client: Any,
    tmp_path: Path,
    strategy: str,
) -> None:
    project = new_project(
        nodes=NODES,
        parameters={"rate": 0.5, "long": "x" * 6500},
        catalog="{}",
        mlflow={
            "server": {"mlflow_tracking_uri": proxy.url},
            "tracking": {
                "experiment": {"name": f"whole-{strategy}"},
                "run": {"name": "${km.random_name:}"},
                "params": {"long_params_strategy": strategy},
            },
        },
        files={".gitignore": ".vertexai"},
    )
    git(project.path, "init", "-q")
    git(project.path, "add", ".")
    git(project.path, "commit", "-qm", "all")
    (project.path / "new.txt").write_text("")
    run = run_once(project)
    assert run.exit_code == 0, run.printed
    experiment = client.get_experiment_by_name(f"whole-{strategy}")
    (found,) = client.search_runs([experiment.experiment_id])
    (created,) = [seen for seen in proxy.seen if seen.path == "runs/create"]
    assert found.info.run_name == created.body["run_name"]
    tags = found.data.tags
    assert tags["kedro_command"] == "kedro run --pipeline=__default__"
    assert tags["mlflow.source.git.commit"] == git(project.path, "rev-parse", "HEAD")
    assert tags["vertexai_git_dirty"] == "true"
    assert not {"node_names", "vertexai_job_url"} & set(tags)
    told = [tag["key"] for seen in proxy.seen for tag in seen.body.get("tags", [])]
    told = [key for key in told if key != "vertexai_current_node"]
    assert sorted(told) == sorted(set(told))
    assert found.data.params["rate"] == "0.5"
    if strategy == "tag":
        assert tags["long"] == "x" * 6500
    else:
        assert found.data.params["long"] == "x" * 6000


@pytest.mark.parametrize("name", ["rate", "api_token"])
def test_a_parameter_with_two_values_is_an_error_that_explains_itself(
    new_project: Callable[..., KedroProject], proxy: MlflowProxy, name: str
) -> None:
    project = new_project(
        nodes=NODES.replace("params:rate", f"params:{name}"),
        parameters={name: 0.5, "long": "x"},
        catalog="{}",
        settings=DRAWS % name,
        mlflow={"server": {"mlflow_tracking_uri": proxy.url}},
    )
    run = run_once(project)
    assert run.states()["two"] == "FAILED"
    error = run.tasks["two"]["error"]
    assert f"the MLflow run has parameter '{name}'" in error
    assert "a resolver or a hook that reads the clock or draws a number" in error
    values = [
        param["value"]
        for seen in proxy.seen
        for param in seen.body.get("params", [])
        if param["key"] == name
    ]
    assert len(values) == 1
    assert (values[0] in error) == (name == "rate")


def test_a_run_that_is_active_already_is_respected(
    engine: Callable[..., Engine], client: Any, proxy: MlflowProxy, own_run: OwnRun
) -> None:
    """Also where it is on another server than the one that mlflow.yml names."""
    project = {"nodes": ALONE, "settings": STARTS_A_RUN, "parameters": {"start": 1}}
    job = engine({"experiment": {"name": "jobs"}}, project=project)
    started = job.start().parameters[JOB]
    proxy.seen.clear()
    done = Engine(job.project, job.folder, env=own_run.env).task("logs", started)
    assert done.code == 0, done.log
    assert "is already active" in done.log
    data = own_run.now().data
    assert (data.metrics, data.params) == ({"seen": 1}, {"start": "1"})
    assert proxy.seen == []
    run = client.get_run(started["run_id"])
    assert (run.data.metrics, run.info.status) == ({}, "RUNNING")
    assert job.finish({"state": "SUCCEEDED"}).parameters[RUN]["status"] == "FINISHED"


def test_the_latest_node_of_a_group_is_told_while_it_runs(
    engine: Callable[..., Engine], client: Any
) -> None:
    """Though it starts right after another one, of which the server has just been told."""
    job = engine({"experiment": {"name": "group"}}, {"nodes": GROUP, "parameters": {"start": 1}})
    started = job.start().parameters[JOB]
    done = job.running_task(["quick", "quicker", "sees_itself"], started)()
    assert done.code == 0, done.log
    assert client.get_run(started["run_id"]).data.metrics == {"seen": 1}


def test_a_parameter_that_another_task_logs_at_the_same_moment_is_no_error(
    engine: Callable[..., Engine], proxy: MlflowProxy, client: Any
) -> None:
    job = engine({"experiment": {"name": "race"}}, {"nodes": ALONE, "parameters": {"start": 1}})
    started = job.start().parameters[JOB]
    raced: list[str] = []

    def other_is_first(request: Request) -> int | None:
        if request.path != "runs/log-batch" or raced:
            return None
        raced.append(request.path)
        client.log_param(started["run_id"], "start", "1")
        # What a store of MLflow's answers then, for the whole batch.
        return 400

    proxy.rule = other_is_first
    done = job.task("logs", started)
    assert done.code == 0, done.log
    run = client.get_run(started["run_id"]).data
    assert run.params == {"start": "1"}
    assert run.tags["vertexai_current_node"] == "logs"
    assert run.metrics == {"seen": 1}
