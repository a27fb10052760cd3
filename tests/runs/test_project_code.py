"""What of the user's own runs in a task: hooks, settings, configuration, its providers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_run import LocalRun, kedro_run, run_once
from project_factory import MLFLOW, KedroProject, write_project

NODES = """
    import logging
    import sys

    import mlflow

    logger = logging.getLogger(__name__)


    def double(x):
        logger.debug("doubling %s", x)
        return 2 * x


    def log_metric(doubled):
        mlflow.log_metric("doubled", doubled)


    def modules(doubled):
        return sorted(sys.modules)


    NODES = [
        node(double, "params:start", "doubled", name="double"),
        node(log_metric, "doubled", None, name="log_metric"),
        node(lambda doubled, job: job, ["doubled", "params:job"], "job", name="job"),
        node(modules, "doubled", "modules", name="modules"),
    ]
"""

SETTINGS = """
    import os

    from {package}.hooks import Recorder

    HOOKS = (Recorder(),)
    CONFIG_LOADER_ARGS = {{
        "base_env": "base",
        "default_run_env": "local",
        "custom_resolvers": {{"env": lambda name: os.environ.get(name, "laptop")}},
    }}
"""

HOOKS = '''
"""Writes down every call, one file for each session."""

import json
import os
from pathlib import Path
from uuid import uuid4

from kedro.framework.hooks import hook_impl


class Recorder:
    def __init__(self):
        self.file = Path(os.environ["RECORDS"], f"{uuid4()}.jsonl")

    def note(self, **what):
        with self.file.open("a") as file:
            file.write(json.dumps(what) + "\\n")

    @hook_impl
    def after_context_created(self, context):
        self.note(
            event="context",
            job=os.environ.get("KEDRO_CONFIG_JOB_NAME"),
            job_in_parameters=context.params["job"],
            run_id=os.environ.get("KEDRO_CONFIG_RUN_ID"),
            token=context.config_loader["credentials"]["token"],
        )

    @hook_impl
    def after_catalog_created(self, catalog):
        self.note(event="catalog")

    @hook_impl
    def before_pipeline_run(self, run_params):
        self.note(event="pipeline", params=run_params["runtime_params"])

    @hook_impl
    def before_node_run(self, node):
        self.note(event="node", node=node.name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data):
        self.note(event="loaded", dataset=dataset_name, data=data)

    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        self.note(event="saved", dataset=dataset_name)

    @hook_impl
    def after_pipeline_run(self):
        self.note(event="done")
'''

LOGGING = """
version: 1
disable_existing_loggers: false
formatters:
  ours: {format: "OURS %(levelname)s %(message)s"}
handlers:
  console: {class: logging.StreamHandler, formatter: ours}
root: {handlers: [console]}
loggers:
  project_with_hooks: {level: DEBUG}
"""

PROVIDER = '''
"""Configuration that exists in the task alone."""

from kedro_vertexai.dynamic_config import DynamicConfigProvider


class Token(DynamicConfigProvider):
    @property
    def target_config_file(self):
        return "credentials.yml"

    def generate_config(self):
        return {"token": "made in the task"}
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    package = "project_with_hooks"
    return write_project(
        tmp_path_factory.mktemp("hooks"),
        nodes=NODES,
        package=package,
        parameters={"start": 4, "job": "${env:KEDRO_CONFIG_JOB_NAME}"},
        catalog={
            name: {"type": "json.JSONDataset", "filepath": f"data/{name}.json"}
            for name in ("modules", "job")
        },
        mlflow={**MLFLOW, "tracking": {"run": {"name": "run of ${env:KEDRO_CONFIG_JOB_NAME}"}}},
        run_config={"dynamic_config_providers": [{"cls": f"{package}.provider.Token"}]},
        settings=SETTINGS.format(package=package),
        files={
            f"src/{package}/hooks.py": HOOKS,
            f"src/{package}/provider.py": PROVIDER,
            "conf/base/credentials.yml": "token: of the laptop",
            "conf/logging.yml": LOGGING,
        },
    )


Record = list[dict[str, Any]]


@dataclass(frozen=True)
class Recorded:
    """A run, and what each task that runs a node recorded."""

    run: LocalRun
    tasks: list[Record]
    forked: bool


@pytest.fixture(scope="module")
def on_the_laptop(project: KedroProject, tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("records")
    kedro_run(project, env={"RECORDS": str(folder)})
    (record,) = records(folder)
    return record


@pytest.fixture(scope="module", params=["1", "0"], ids=["forked", "fresh"])
def recorded(
    project: KedroProject, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Recorded:
    folder = tmp_path_factory.mktemp("records")
    run = run_once(project, env={"RECORDS": str(folder), "KEDRO_VERTEXAI_FORK": request.param})
    tasks = [record for record in records(folder) if is_session(record)]
    return Recorded(run, tasks, forked=request.param == "1")


def is_session(record: Record) -> bool:
    """Whether it ran nodes: compiling calls the hooks of context and catalog, too."""
    return any(call["event"] == "pipeline" for call in record)


def records(folder: Path) -> list[Record]:
    return [
        [json.loads(line) for line in file.read_text().splitlines()] for file in folder.iterdir()
    ]


def calls(record: Record) -> list[str]:
    """What happened to nodes and data, in no order; the job's name is another in each run."""
    return sorted(
        json.dumps(call)
        for call in record
        if call["event"] in ("node", "loaded", "saved") and call.get("dataset") != "params:job"
    )


def test_the_run_succeeds(recorded: Recorded) -> None:
    assert recorded.run.exit_code == 0, recorded.run.printed


def test_each_task_is_one_session_with_every_hook_once(recorded: Recorded) -> None:
    assert len(recorded.tasks) == 4
    for record in recorded.tasks:
        events = [call["event"] for call in record if call["event"] not in ("loaded", "saved")]
        assert events == ["context", "catalog", "pipeline", "node", "done"]


def test_hooks_see_the_nodes_and_data_of_kedro_run(
    recorded: Recorded, on_the_laptop: Record
) -> None:
    together = [call for record in recorded.tasks for call in record]
    assert calls(together) == calls(on_the_laptop)


def test_hooks_see_no_runtime_parameters_where_none_were_given(
    recorded: Recorded, on_the_laptop: Record
) -> None:
    (expected,) = [call for call in on_the_laptop if call["event"] == "pipeline"]
    assert all(expected in record for record in recorded.tasks)


def test_settings_and_configuration_see_the_job(recorded: Recorded) -> None:
    for record in recorded.tasks:
        assert record[0]["job"] == recorded.run.record["job_name"]
        assert record[0]["job_in_parameters"] == recorded.run.record["job_name"]
        assert record[0]["run_id"] == recorded.run.record["job_id"]


def test_a_parameter_that_reads_the_job_has_its_value_of_the_task(recorded: Recorded) -> None:
    assert (
        json.loads(recorded.run.output("job.json").read_text()) == recorded.run.record["job_name"]
    )
    assert recorded.run.mlflow_run().data.params["job"] == recorded.run.record["job_name"]


def test_dynamic_configuration_is_there_before_the_context(recorded: Recorded) -> None:
    assert {record[0]["token"] for record in recorded.tasks} == {"made in the task"}


def test_dynamic_configuration_stays_in_the_task(recorded: Recorded) -> None:
    credentials = recorded.run.project.path / "conf/base/credentials.yml"
    assert credentials.read_text() == "token: of the laptop"


def test_logging_is_configured_as_the_project_says(recorded: Recorded) -> None:
    assert "OURS DEBUG doubling 4" in recorded.run.log("double")


def test_mlflow_yml_names_the_run_for_all_tasks(recorded: Recorded) -> None:
    name = recorded.run.mlflow_run().info.run_name
    assert name == f"run of {recorded.run.record['job_name']}"


def test_a_nodes_own_mlflow_calls_log_to_the_run(recorded: Recorded) -> None:
    assert recorded.run.mlflow_run().data.metrics == {"doubled": 8.0}


def test_a_task_imports_nothing_that_compiles_or_submits(recorded: Recorded) -> None:
    modules = set(json.loads(recorded.run.output("modules.json").read_text()))
    assert not modules & {"kfp", "google.cloud.aiplatform", "docker"}
    # A fork has the modules of the process it was forked from, which is the target's.
    if not recorded.forked:
        ours = ("cli", "compiler", "plan", "project", "run_local", "spec", "targets")
        assert not modules & {f"kedro_vertexai.{name}" for name in ours}
