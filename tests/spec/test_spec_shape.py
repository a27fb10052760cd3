"""What the spec says about a plan: tasks, edges, containers, exit handler."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from planning import plan_of, step
from spec_reader import (
    checked,
    component,
    container,
    defaults,
    document,
    executor,
    inputs,
    limits,
    parents,
    tasks,
)

from kedro_vertexai.grouping import TagNodeGrouper
from kedro_vertexai.plan.build import Values
from kedro_vertexai.spec.build import build_spec, job_values
from kedro_vertexai.spec.dialect import DIALECTS

ROOT = "gs://bucket/runs"
CHAIN = (step("load"), step("train", ["load.out", "params:model"]), step("report", "train.out"))
MODEL = {"model": {"lr": 0.1, "layers": [8, 4], "init": None}}


def spec_of(*nodes: Any, root: str = ROOT, dialect: str = "vertex", **plan: Any) -> dict[str, Any]:
    return checked(build_spec(plan_of(*nodes, **plan), root=root, dialect=DIALECTS[dialect]))


def chain(**plan: Any) -> dict[str, Any]:
    return spec_of(*CHAIN, **{"parameters": MODEL, **plan})


def test_there_is_a_component_for_each_node_named_like_it() -> None:
    spec = chain()
    assert list(tasks(spec)) == ["load", "train", "report"]
    assert {task["componentRef"]["name"] for task in tasks(spec).values()} == {
        "comp-load",
        "comp-train",
        "comp-report",
    }


def test_a_task_is_shown_by_the_name_it_has_in_kedro() -> None:
    spec = spec_of(step("ns.1st_step_é"))
    assert [task["taskInfo"]["name"] for task in tasks(spec).values()] == ["ns.1st_step_é"]


def test_data_edges_are_artifacts() -> None:
    spec = chain()
    source = tasks(spec)["train"]["inputs"]["artifacts"]["load_out"]["taskOutputArtifact"]
    assert source == {"producerTask": "load", "outputArtifactKey": "load_out"}
    assert "load_out" in component(spec, "load")["outputDefinitions"]["artifacts"]
    assert parents(spec, "train") == {"load"}


def test_a_dataset_on_the_disk_is_a_dataset_and_an_object_is_an_artifact() -> None:
    entry = {"type": "pandas.CSVDataset", "filepath": "data/load.csv"}
    spec = chain(catalog={"load.out": entry})
    kind = component(spec, "load")["outputDefinitions"]["artifacts"]["load_out"]["artifactType"]
    assert kind["schemaTitle"] == "system.Dataset"
    assert document(spec, "load")["outputs"]["load_out"] == {
        "dataset": "load.out",
        "travel": "file",
        "path": "data/load.csv",
    }
    kind = component(spec, "train")["outputDefinitions"]["artifacts"]["train_out"]["artifactType"]
    assert kind["schemaTitle"] == "system.Artifact"


def test_the_command_is_an_argv_whose_last_argument_is_kfps_whole_input() -> None:
    command = container(chain(pipeline="p; touch x", env="my env"), "train")
    assert command["command"] == ["python", "-m", "kedro_vertexai.runtime"]
    assert command["args"] == ["task", "--env", "my env", "--pipeline", "p; touch x", "{{$}}"]


@pytest.mark.parametrize(("tracked", "task"), [(False, "train"), (True, "mlflow-start-run")])
def test_the_job_is_named_in_constants_which_every_engine_fills(tracked: bool, task: str) -> None:
    given = tasks(chain(tracked=tracked))[task]["inputs"]["parameters"]
    assert given["job__name"] == {"runtimeValue": {"constant": "{{$.pipeline_job_name}}"}}
    assert given["job__id"] == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}


def test_a_kedro_parameter_is_a_pipeline_input_with_its_type_and_default() -> None:
    spec = spec_of(
        step("a", ["params:n", "params:x", "params:t", "params:b", "params:d"]),
        parameters={"n": 1, "x": 0.5, "t": "text", "b": True, "d": {"k": 1, "none": None}},
    )
    types = {key: definition["parameterType"] for key, definition in inputs(spec).items()}
    assert types == {
        "b": "BOOLEAN",
        "d": "STRING",
        "n": "NUMBER_INTEGER",
        "t": "STRING",
        "x": "NUMBER_DOUBLE",
    }
    found = defaults(spec)
    assert json.loads(found.pop("d")) == {"k": 1, "none": None}
    assert found == {"n": 1, "x": 0.5, "t": "text", "b": True}
    assert type(found["n"]) is int
    assert all(definition["isOptional"] for definition in inputs(spec).values())


def test_a_parameter_goes_only_to_the_tasks_that_use_it() -> None:
    spec = chain()
    assert "model" in component(spec, "train")["inputDefinitions"]["parameters"]
    assert "model" not in component(spec, "load")["inputDefinitions"]["parameters"]


def test_values_of_a_run_stand_beside_the_spec_and_not_in_it() -> None:
    plain = plan_of(step("a", "params:p"), parameters={"p": 1})
    plan = plan_of(step("a", "params:p"), parameters={"p": 1}, values=Values(given={"p": 2}))
    assert job_values(plan) == {"p": 2}
    assert build_spec(plan, root=ROOT) == build_spec(plain, root=ROOT)


def test_equal_containers_are_one_executor() -> None:
    spec = chain(run_config={"resources": {"train": {"cpu": 8}}})
    labels = [component(spec, task)["executorLabel"] for task in tasks(spec)]
    assert labels[0] == labels[2] != labels[1]
    assert len(spec["deploymentSpec"]["executors"]) == 2


def test_limits_are_written_in_both_spellings() -> None:
    # kubeflow/pipelines#11374: older backends read one, newer ones the other.
    spec = chain(
        run_config={
            "resources": {"train": {"cpu": "500m", "memory": "2Gi", "gpu": 2}},
            "node_selectors": {"train": {"any": "NVIDIA_TESLA_T4"}},
        }
    )
    assert container(spec, "train")["resources"] == {
        "cpuLimit": 0.5,
        "resourceCpuLimit": "500m",
        "memoryLimit": pytest.approx(2.147483648),
        "resourceMemoryLimit": "2Gi",
        "accelerator": {
            "type": "NVIDIA_TESLA_T4",
            "count": "2",
            "resourceType": "NVIDIA_TESLA_T4",
            "resourceCount": "2",
        },
    }


def test_an_accelerator_is_a_kubernetes_resource_on_kubeflow() -> None:
    run_config = {
        "resources": {"train": {"gpu": 1}},
        "node_selectors": {"train": {"any": "NVIDIA_TESLA_T4"}},
    }
    spec = chain(run_config=run_config, dialect="kubeflow")
    assert limits(spec, "train")["accelerator"] == "nvidia.com/gpu"


def test_no_limit_is_written_where_none_is_set() -> None:
    nothing = {"__default__": {"cpu": None, "memory": None}}
    assert "resources" not in container(chain(run_config={"resources": nothing}), "train")


def test_retries_are_the_tasks_policy() -> None:
    asked = {"count": 3, "backoff": 10, "factor": 1.5, "max_backoff": 90}
    found = tasks(chain(run_config={"retries": {"train": asked}}))
    assert found["train"]["retryPolicy"] == {
        "maxRetryCount": 3,
        "backoffDuration": "10s",
        "backoffFactor": 1.5,
        "backoffMaxDuration": "90s",
    }
    assert "retryPolicy" not in found["load"]


@pytest.mark.parametrize("configured", [True, False])
def test_caching_is_off_unless_configured(configured: bool) -> None:
    spec = chain(run_config={"caching": True} if configured else {})
    cached = [
        task.get("cachingOptions", {}).get("enableCache", False) for task in tasks(spec).values()
    ]
    assert cached == [configured] * 3


def test_a_cached_task_knows_nothing_that_changes_with_every_job() -> None:
    # Vertex AI finds a result by the task's inputs: with the job's name it would find none.
    assert "{{$.pipeline_job" not in json.dumps(tasks(chain(run_config={"caching": True})))


def test_caching_is_said_of_the_tasks_that_it_is_configured_for() -> None:
    found = tasks(chain(run_config={"caching": {"train": True}}))
    assert {name for name, task in found.items() if "cachingOptions" in task} == {"train"}
    assert found["train"]["cachingOptions"] == {"enableCache": True}
    # The others go on knowing their job.
    knowing = {name for name, task in found.items() if "{{$.pipeline_job" in json.dumps(task)}
    assert knowing == {"load", "report"}


def test_the_run_itself_is_never_cached() -> None:
    spec = chain(run_config={"caching": True}, tracked=True)
    everything = {**tasks(spec), **spec["root"]["dag"]["tasks"]}
    cached = {name for name, task in everything.items() if task.get("cachingOptions")}
    assert cached == {"load", "train", "report"}


def test_every_task_knows_project_and_region_and_nothing_empty() -> None:
    # Vertex AI refuses environment variables without a value (kubeflow/pipelines#10111).
    environment = container(chain(), "train")["env"]
    assert {item["name"]: item["value"] for item in environment} == {
        "GCP_PROJECT_ID": "my-project",
        "GCP_REGION": "europe-west1",
    }


def test_host_aliases_and_providers_are_options_of_the_runtime() -> None:
    spec = chain(
        run_config={
            "network": {"host_aliases": [{"ip": "10.0.0.7", "hostnames": ["a.b", "c"]}]},
            "dynamic_config_providers": [{"cls": "my.Provider"}],
        },
        tracked=True,
    )
    for task in ("mlflow-start-run", "train", "mlflow-finish-run"):
        arguments = container(spec, task)["args"]
        assert "--dynamic-config" in arguments
        assert arguments[arguments.index("--host-alias") + 1] == "10.0.0.7 a.b c"


def test_without_tracking_nothing_of_it_is_in_the_spec() -> None:
    assert "mlflow" not in json.dumps(chain())


def test_the_run_is_opened_first_and_every_task_joins_it() -> None:
    spec = chain(tracked=True)
    assert list(tasks(spec)) == ["mlflow-start-run", "load", "train", "report"]
    assert parents(spec, "mlflow-start-run") == set()
    for task in ("load", "train", "report"):
        assert "mlflow-start-run" in parents(spec, task)
        source = tasks(spec)[task]["inputs"]["parameters"]["kedro__job"]
        assert source == {
            "taskOutputParameter": {
                "producerTask": "mlflow-start-run",
                "outputParameterKey": "kedro__job",
            }
        }


def test_one_exit_handler_closes_the_run_whatever_happened() -> None:
    root = chain(tracked=True)["root"]["dag"]["tasks"]
    assert list(root) == ["exit-handler-1", "mlflow-finish-run"]
    finish = root["mlflow-finish-run"]
    assert finish["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert finish["dependentTasks"] == ["exit-handler-1"]
    assert finish["inputs"]["parameters"]["job__status"] == {
        "taskFinalStatus": {"producerTask": "exit-handler-1"}
    }


def test_parameters_reach_the_tasks_inside_the_exit_handler() -> None:
    spec = chain(tracked=True)
    handler = spec["root"]["dag"]["tasks"]["exit-handler-1"]
    assert handler["inputs"]["parameters"] == {"model": {"componentInputParameter": "model"}}
    given = tasks(spec)["train"]["inputs"]["parameters"]["model"]
    assert given == {"componentInputParameter": "model"}


def test_what_resolvers_read_reaches_every_task() -> None:
    spec = chain(
        tracked=True,
        runtime_names=frozenset({"day"}),
        values=Values(for_resolvers={"day": "2026-01-01"}),
    )
    assert json.loads(defaults(spec)["runtime_params"]) == {"day": "2026-01-01"}
    for task in ("mlflow-start-run", "load", "train", "report", "mlflow-finish-run"):
        assert "runtime_params" in component(spec, task)["inputDefinitions"]["parameters"]


def test_a_node_may_have_the_name_of_a_task_of_ours() -> None:
    spec = spec_of(
        step("mlflow-start-run"),
        step("mlflow_finish_run", "mlflow-start-run.out"),
        step("exit-handler-1", "mlflow_finish_run.out"),
        tracked=True,
    )
    assert len(tasks(spec)) == 4
    assert container(spec, "mlflow-start-run")["args"][0] == "mlflow-start-run"
    users = [name for name in tasks(spec) if name != "mlflow-start-run"]
    assert [document(spec, name)["nodes"][0] for name in users] == [
        "mlflow-start-run",
        "mlflow_finish_run",
        "exit-handler-1",
    ]
    assert parents(spec, users[1]) == {"mlflow-start-run", users[0]}


def test_raw_inputs_are_imported_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("a")
    catalog = {"raw": {"type": "pickle.PickleDataset", "filepath": "raw.csv"}}
    plan = plan_of(step("a", "raw"), catalog=catalog, path=tmp_path)
    spec = checked(build_spec(plan, root=f"{ROOT}/"))
    importer = executor(spec, "input-raw")["importer"]
    digest = plan.staged[0].digest
    assert importer["artifactUri"] == {"constant": f"{ROOT}/inputs/{digest}/raw.csv"}
    assert parents(spec, "a") == {"input-raw"}
    assert tasks(spec)["input-raw"]["taskInfo"]["name"] == "input raw"


def test_an_empty_raw_directory_is_told_to_be_one_since_a_bucket_has_none(tmp_path: Path) -> None:
    for name in ("full", "empty"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / "full" / "deep" / "x.txt").write_text("x")
    parts = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset"}
    catalog = {name: {**parts, "path": name} for name in ("full", "empty")}
    plan = plan_of(step("a", ["full", "empty"]), catalog=catalog, path=tmp_path)
    spec = checked(build_spec(plan, root=ROOT))
    told = {
        name: executor(spec, f"input-{name}")["importer"]["metadata"] for name in ("full", "empty")
    }
    assert told["empty"]["empty"] is True
    assert "empty" not in told["full"]


def test_large_parameters_are_imported_too() -> None:
    spec = spec_of(step("a", "params:big"), parameters={"big": ["x" * 1000] * 200})
    assert "big" not in inputs(spec)
    assert document(spec, "a")["inputs"]["big"] == {"travel": "parameter"}
    assert executor(spec, next(iter(tasks(spec))))["importer"]
    assert len(json.dumps(spec)) < 10_000


def test_a_group_is_one_task_of_all_its_nodes() -> None:
    spec = spec_of(
        step("a", tags=["group.both"]),
        step("b", "a.out", tags=["group.both"]),
        grouper=TagNodeGrouper(None),
    )
    assert list(tasks(spec)) == ["both"]
    assert document(spec, "both")["nodes"] == ["a", "b"]


@pytest.mark.parametrize(
    "names",
    [
        ["load_a", "load-a", "load.a"],
        ["import", "class", "None", "1st_step"],
        ["шаг", "数据", "é", "e"],
        ["x" * 200, "x" * 201],
        ["pipeline", "shop", "root", "comp-a", "exec-task"],
    ],
    ids=lambda names: names[0][:20],
)
def test_whatever_kedro_accepts_as_a_name_is_one_task(names: list[str]) -> None:
    nodes = [step(name, f"{before}.out") for before, name in pairwise(names)]
    spec = spec_of(step(names[0]), *nodes, tracked=True)
    by_node = {document(spec, task)["nodes"][0]: task for task in list(tasks(spec))[1:]}
    assert set(by_node) == set(names)
    assert len(set(by_node.values())) == len(names)
    for before, name in pairwise(names):
        assert parents(spec, by_node[name]) == {"mlflow-start-run", by_node[before]}
    assert spec["pipelineInfo"]["name"] not in by_node.values()


def test_inputs_of_any_name_are_accepted_by_kfp() -> None:
    names = ["import", "class", "1st", "ключ", "a.b", "a_b", "self", "x" * 300, "runtime_params"]
    spec = spec_of(
        *(step(f"n{row}", f"params:{name}") for row, name in enumerate(names)),
        parameters=dict.fromkeys(names, 1),
    )
    assert len(inputs(spec)) == len(names)


def test_the_tasks_that_open_and_close_the_run_are_tried_again_as_by_default() -> None:
    spec = chain(tracked=True, run_config={"retries": {"__default__": 2, "train": 5}})
    policies = [
        tasks(spec)["mlflow-start-run"]["retryPolicy"],
        spec["root"]["dag"]["tasks"]["mlflow-finish-run"]["retryPolicy"],
    ]
    assert [policy["maxRetryCount"] for policy in policies] == [2, 2]
