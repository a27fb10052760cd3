"""The exit pipeline in a spec: the one exit handler runs it, and no other task knows of it."""

import json
from typing import Any

import pytest
from planning import plan_of, step
from spec_reader import EXIT_HANDLER, checked, component, container, tasks

from kedro_vertexai.grouping import TagNodeGrouper
from kedro_vertexai.spec.build import build_spec
from kedro_vertexai.spec.dialect import DIALECTS

Json = dict[str, Any]
TELL = step("tell", ["params:vertexai_job", "params:threshold"], "note")
CATALOG = {"note": {"type": "pickle.PickleDataset", "filepath": "data/note.pkl"}}


def spec_of(*, dialect: str = "vertex", share_from: int = 200, **plan: Any) -> Json:
    said: Json = {"parameters": {"lr": 0.1, "threshold": 1}, "catalog": CATALOG, **plan}
    planned = plan_of(step("train", "params:lr", "model"), on_exit=[TELL], **said)
    spec = build_spec(planned, root="gs://b/runs", dialect=DIALECTS[dialect], share_from=share_from)
    return checked(spec)


def root_tasks(spec: Json) -> Json:
    found: Json = spec["root"]["dag"]["tasks"]
    return found


def constant(spec: Json, task: str, key: str) -> Json:
    source = root_tasks(spec)[task]["inputs"]["parameters"][key]
    found: Json = json.loads(source["runtimeValue"]["constant"])
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("tracked", "name"), [(True, "mlflow-finish-run"), (False, "on-exit")])
def test_there_is_one_exit_handler_which_runs_it(dialect: str, tracked: bool, name: str) -> None:
    spec = spec_of(tracked=tracked, dialect=dialect)
    assert list(root_tasks(spec)) == [EXIT_HANDLER, name]
    last = root_tasks(spec)[name]
    assert last["dependentTasks"] == [EXIT_HANDLER]
    assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert last["inputs"]["parameters"]["job__status"] == {
        "taskFinalStatus": {"producerTask": EXIT_HANDLER}
    }
    args = container(spec, name)["args"]
    assert args[0] == name
    assert args[args.index("--on-exit") + 1] == "notify"
    assert "tell" not in tasks(spec)


def test_it_is_handed_nothing_by_other_tasks() -> None:
    for tracked in (True, False):
        for task in root_tasks(spec_of(tracked=tracked)).values():
            assert "taskOutput" not in json.dumps(task)


def test_it_is_told_its_nodes_and_the_users_names_for_those_that_fail() -> None:
    spec = spec_of(tracked=False)
    told = constant(spec, "on-exit", "kedro__task")
    assert told["nodes"] == ["tell"]
    assert "required" not in constant(spec, "on-exit", "kedro__tracking")
    named = plan_of(step("my.node"), on_exit=[step("tell")])
    spec = checked(build_spec(named, root="gs://b/runs"))
    assert constant(spec, "on-exit", "kedro__tracking") == {"titles": {"my-node": "my.node"}}


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (1, {"titles", "groups"}),
        # Titles are short, and node names are not.
        (20_000, {"titles", "names_left_out"}),
        # Nothing that an argument has no room for.
        (40_000, {"names_left_out"}),
    ],
)
def test_it_is_told_the_nodes_of_groups_where_there_is_room(length: int, told: set[str]) -> None:
    name = "g" + "x" * length if length > 30_000 else "the.group"
    nodes = [step("a" * length, tags=["group." + name]), step("b" * length, tags=["group." + name])]
    planned = plan_of(*nodes, grouper=TagNodeGrouper(None), tracked=True)
    spec = checked(build_spec(planned, root="gs://b/runs"))
    found = constant(spec, "mlflow-finish-run", "kedro__tracking")
    assert found.keys() - {"required", "retry_for"} == told
    if "groups" in told:
        assert found["groups"] == {name: ["a", "b"]}


def test_its_parameters_come_from_the_inputs_of_the_pipeline() -> None:
    spec = spec_of(tracked=True)
    given = root_tasks(spec)["mlflow-finish-run"]["inputs"]["parameters"]
    assert given["threshold"] == {"componentInputParameter": "threshold"}
    assert "lr" not in given
    assert root_tasks(spec)[EXIT_HANDLER]["inputs"]["parameters"].keys() == {"lr"}
    assert "vertexai_job" not in json.dumps(spec["root"]["inputDefinitions"])


@pytest.mark.parametrize(
    ("tracked", "name", "parameters"),
    [(True, "mlflow-finish-run", {"mlflow__run"}), (False, "on-exit", set())],
)
def test_its_files_are_outputs_beside_the_run(
    tracked: bool, name: str, parameters: set[str]
) -> None:
    outputs = component(spec_of(tracked=tracked), name)["outputDefinitions"]
    assert outputs["artifacts"].keys() == {"note"}
    assert outputs.get("parameters", {}).keys() == parameters


def test_a_reference_is_its_output_where_the_engine_takes_that() -> None:
    catalog = {"note": {"type": "pickle.PickleDataset", "filepath": "gs://elsewhere/note.pkl"}}
    vertex = spec_of(catalog=catalog)
    assert component(vertex, "on-exit")["outputDefinitions"]["artifacts"].keys() == {"note"}
    kubeflow = spec_of(catalog=catalog, dialect="kubeflow")
    assert "outputDefinitions" not in component(kubeflow, "on-exit")


def test_it_has_limits_and_retries_of_its_own() -> None:
    said = {"resources": {"tell": {"cpu": 2}}, "retries": {"tell": 3}}
    spec = spec_of(tracked=True, run_config=said)
    assert container(spec, "mlflow-finish-run")["resources"]["cpuLimit"] == 2
    assert root_tasks(spec)["mlflow-finish-run"]["retryPolicy"]["maxRetryCount"] == 3
    assert "resources" not in container(spec, "mlflow-start-run")


def test_it_is_never_cached() -> None:
    spec = spec_of(run_config={"caching": True})
    assert "cachingOptions" not in root_tasks(spec)["on-exit"]
    assert tasks(spec)["train"]["cachingOptions"] == {"enableCache": True}


def test_it_keeps_its_own_component_where_tasks_share_theirs() -> None:
    assert component(spec_of(share_from=0), "on-exit")["outputDefinitions"]["artifacts"].keys() == {
        "note"
    }
