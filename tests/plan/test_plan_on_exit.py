"""The pipeline that runs last: one task, which no other task or importer hands anything."""

from pathlib import Path
from typing import Any

import pytest
from planning import plan_of, step

from kedro_vertexai.errors import PlanError
from kedro_vertexai.plan.build import Values
from kedro_vertexai.plan.model import OnExit, Plan, Resources, Travel

LOCAL = {"type": "pickle.PickleDataset", "filepath": "data/x.pkl"}
REMOTE = {"type": "pickle.PickleDataset", "filepath": "gs://bucket/x.pkl"}


def plan(*on_exit: Any, **said: Any) -> Plan:
    return plan_of(step("train", "params:lr", "x"), on_exit=on_exit, **{**said, **_given(said)})


def _given(said: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": {"lr": 0.1, **said.get("parameters", {})}}


def last(*on_exit: Any, **said: Any) -> OnExit:
    found = plan(*on_exit, **said).on_exit
    assert found is not None
    return found


def test_all_its_nodes_are_one_task() -> None:
    found = last(step("a", None, "b.in"), step("b", "b.in"))
    assert (found.pipeline, found.task.nodes) == ("notify", ("a", "b"))
    assert found.task.inputs == ()


def test_without_one_there_is_none() -> None:
    assert plan().on_exit is None


def test_it_reads_how_the_job_ended_though_no_parameters_file_has_it() -> None:
    found = last(step("tell", ["params:vertexai_job", "params:vertexai_job.state"]))
    assert found.task.parameters == ()


def test_a_key_that_the_job_does_not_have_is_refused_with_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"'params:vertexai_job.status', did you mean 'state'\?"):
        plan(step("tell", "params:vertexai_job.status"))


def test_a_parameter_that_is_not_configured_is_refused() -> None:
    with pytest.raises(PlanError, match=r"'params:threshhold'.*did you mean 'threshold'"):
        plan(step("tell", "params:threshhold"), parameters={"threshold": 1})


def test_its_parameters_are_inputs_of_the_pipeline() -> None:
    found = plan(step("tell", "params:threshold"), parameters={"threshold": 1})
    assert [p.name for p in found.parameters] == ["lr", "threshold"]
    assert found.on_exit
    assert [p.name for p in found.on_exit.task.parameters] == ["threshold"]


def test_a_dictionary_that_it_reads_is_one_input_with_the_value_that_a_task_reads() -> None:
    found = plan_of(
        step("train", "params:model.lr", "x"),
        on_exit=[step("tell", "params:model")],
        parameters={"model": {"lr": 0.1}},
    )
    assert [p.name for p in found.parameters] == ["model"]


def test_a_parameter_too_large_to_be_passed_is_refused() -> None:
    with pytest.raises(PlanError, match="'notify' reads parameter 'text', which is too large"):
        plan(step("tell", "params:text"), parameters={"text": "x" * 70_000})


def test_this_runs_values_reach_it() -> None:
    found = plan(
        step("tell", "params:threshold"),
        parameters={"threshold": 1},
        values=Values(given={"threshold": 2}),
    )
    assert found.values == {"threshold": 2}


def test_what_a_task_hands_on_in_memory_it_cannot_read() -> None:
    with pytest.raises(PlanError, match=r"'notify' reads dataset 'x', which 'train' writes.*gs://"):
        plan(step("tell", "x"))


@pytest.mark.parametrize("staging", ["upload", "image"])
def test_what_a_task_writes_to_its_disk_it_cannot_read(staging: str) -> None:
    with pytest.raises(PlanError, match="reads dataset 'x', which 'train' writes"):
        plan(step("tell", "x"), catalog={"x": LOCAL}, run_config={"staging": staging})


def test_what_a_task_writes_to_a_remote_place_it_reads_there() -> None:
    assert last(step("tell", "x"), catalog={"x": REMOTE}).task.nodes == ("tell",)


@pytest.mark.parametrize("there", [True, False])
def test_a_local_file_is_refused(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "x.pkl").write_bytes(b"x")
    with pytest.raises(PlanError, match=r"reads dataset 'y' from the local disk \(data/x.pkl\)"):
        plan(step("tell", "y"), catalog={"y": LOCAL}, path=tmp_path)


def test_a_local_file_that_the_image_holds_is_read() -> None:
    entry = {**LOCAL, "metadata": {"vertexai": {"staging": "image"}}}
    found = plan(step("tell", "y"), catalog={"y": entry})
    assert found.in_image == ("data/x.pkl",)
    found = plan(step("tell", "y"), catalog={"y": LOCAL}, run_config={"staging": "image"})
    assert found.in_image == ("data/x.pkl",)


def test_what_nobody_writes_is_refused() -> None:
    with pytest.raises(PlanError, match="'notify' reads dataset 'nothing'"):
        plan(step("tell", "nothing"))


def test_a_file_that_it_writes_is_its_artifact() -> None:
    (artifact,) = last(step("tell", None, "y"), catalog={"y": LOCAL}).task.outputs
    assert (artifact.dataset, artifact.travel, artifact.path) == ("y", Travel.FILE, "data/x.pkl")


def test_limits_and_retries_are_found_as_those_of_any_task() -> None:
    said = {"resources": {"tell": {"cpu": 2}}, "retries": {"__default__": 1, "notify": 3}}
    task = last(step("tell"), run_config=said).task
    assert task.resources == Resources(cpu="2", memory="1024Mi")
    assert task.retry.count == 3


def test_a_node_may_have_the_name_of_the_task() -> None:
    found = plan_of(step("on-exit"), on_exit=[step("tell")])
    assert found.tasks[0].name != "on-exit"


def test_a_pipeline_that_is_logged_as_a_model_is_refused() -> None:
    with pytest.raises(PlanError, match="'notify' is made by pipeline_ml_factory"):
        plan(step("tell"), pipeline_ml=True)


@pytest.mark.parametrize("tracked", [True, False])
def test_it_logs_into_the_run_of_the_job_if_there_is_one(tracked: bool) -> None:
    assert last(step("tell"), tracked=tracked).tracked is tracked
