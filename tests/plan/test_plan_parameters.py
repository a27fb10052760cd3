"""Which Kedro parameters become pipeline inputs, and of which type."""

import json
from datetime import date
from typing import Any

import pytest
from planning import by_title, plan_of, step

from kedro_vertexai.errors import PlanError
from kedro_vertexai.plan.build import Values
from kedro_vertexai.plan.model import Parameter, ParameterType, Plan, Travel
from kedro_vertexai.plan.parameters import FOR_RESOLVERS, MAX_INLINE_BYTES

NESTED = {"model": {"lr": 0.1, "layers": [8, 4]}, "seed": 3, "name": "x"}


def reading(*names: str, parameters: dict[Any, Any], **plan: Any) -> Plan:
    """The plan of a node for each of these parameters."""
    nodes = [step(f"node-{row}", name, f"out{row}") for row, name in enumerate(names)]
    return plan_of(*nodes, parameters=parameters, **plan)


def only(plan: Plan) -> Parameter:
    (parameter,) = plan.parameters
    return parameter


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("text", ParameterType.STRING),
        ("", ParameterType.STRING),
        ("1", ParameterType.STRING),
        (1, ParameterType.INTEGER),
        (2**53, ParameterType.INTEGER),
        (1.0, ParameterType.DOUBLE),
        (True, ParameterType.BOOLEAN),
        (None, ParameterType.JSON),
        ({"a": 1}, ParameterType.JSON),
        ({}, ParameterType.JSON),
        ([1, None], ParameterType.JSON),
        # An engine's numbers are IEEE doubles: the next integer would lose its last bit.
        (2**53 + 1, ParameterType.JSON),
        (-(2**53) - 1, ParameterType.JSON),
        (float("inf"), ParameterType.JSON),
        # An engine would substitute it.
        ("{{$.pipeline_job_name}}", ParameterType.JSON),
    ],
)
def test_a_parameter_is_an_input_of_its_type(value: Any, type_: ParameterType) -> None:
    parameter = only(reading("params:p", parameters={"p": value}))
    assert (parameter.key, parameter.path, parameter.type) == ("p", ("p",), type_)
    assert parameter.default == value
    assert type(parameter.default) is type(value)


def test_only_what_the_pipeline_reads_is_an_input() -> None:
    assert only(reading("params:seed", parameters=NESTED)).name == "seed"


def test_a_parameter_goes_only_to_the_tasks_that_use_it() -> None:
    tasks = by_title(reading("params:seed", "params:name", parameters=NESTED))
    assert [p.name for p in tasks["node-0"].parameters] == ["seed"]
    assert [p.name for p in tasks["node-1"].parameters] == ["name"]


def test_a_nested_parameter_is_an_input_of_its_own() -> None:
    parameter = only(reading("params:model.lr", parameters=NESTED))
    assert (parameter.key, parameter.path, parameter.default) == ("model_lr", ("model", "lr"), 0.1)


def test_a_dictionary_and_a_value_inside_it_are_one_input() -> None:
    # Editing one of two inputs would leave the other as it was.
    plan = reading("params:model", "params:model.lr", parameters=NESTED)
    assert only(plan).name == "model"
    assert all(task.parameters == plan.parameters for task in plan.tasks)


def test_all_parameters_are_read_by_that_name() -> None:
    plan = reading("parameters", parameters=NESTED)
    assert [parameter.name for parameter in plan.parameters] == ["model", "name", "seed"]


def test_a_key_with_a_dot_keeps_its_place() -> None:
    parameter = only(reading("params:a.b", parameters={"a.b": 1}))
    assert parameter.path == ("a.b",)


def test_a_parameter_that_nobody_configured_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(PlanError, match=r"'params:model\.lrr'.*did you mean 'model\.lr'"):
        reading("params:model.lrr", parameters=NESTED)


@pytest.mark.parametrize("value", [date(2026, 1, 1), {1: "x"}, {"a": [{2.0: 1}]}, (1,)])
def test_what_json_cannot_hold_stays_with_the_configuration(value: Any) -> None:
    # Every task has the configuration, and the input for resolvers still overrides it.
    parameter = only(reading("params:p", parameters={"p": value}))
    assert (parameter.name, parameter.key) == (FOR_RESOLVERS, "runtime_params")


def test_a_value_of_another_type_makes_the_input_a_json_document() -> None:
    plan = reading("params:seed", parameters=NESTED, values=Values(given={"seed": "three"}))
    assert only(plan).type is ParameterType.JSON
    assert plan.values == {"seed": "three"}


@pytest.mark.parametrize(
    ("declared", "type_"),
    [
        ("int", ParameterType.INTEGER),
        ("integer", ParameterType.INTEGER),
        ("float", ParameterType.DOUBLE),
        ("json", ParameterType.JSON),
    ],
)
def test_a_type_may_be_declared(declared: str, type_: ParameterType) -> None:
    plan = reading("params:seed", parameters=NESTED, values=Values(declared={"seed": declared}))
    assert only(plan).type is type_


def test_an_unknown_type_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(PlanError, match=r"seed:itn.*known: str, string, int"):
        reading("params:seed", parameters=NESTED, values=Values(declared={"seed": "itn"}))


def test_a_declared_type_must_fit_the_configured_value() -> None:
    with pytest.raises(PlanError, match=r"seed:bool.*integer"):
        reading("params:seed", parameters=NESTED, values=Values(declared={"seed": "bool"}))


def test_what_does_not_fit_into_an_argument_travels_as_a_file() -> None:
    big = {"rows": ["x" * 100] * 1000}
    plan = reading("parameters", parameters={"big": big, "small": 1})
    (task,) = plan.tasks
    assert [p.name for p in task.parameters] == ["small"]
    (staged,), (given,) = plan.staged, task.inputs
    assert (given.producer, given.travel) == (staged.task, Travel.PARAMETER)
    assert staged.content is not None
    assert json.loads(staged.content) == [[["big"], big]]


def test_tasks_that_read_the_same_large_parameters_share_one_file() -> None:
    large = {f"p{number}": ["x" * 100] * 1000 for number in range(9)}
    plan = reading("parameters", "parameters", "params:p0", parameters=large)
    alone, everything = plan.staged
    assert [task.inputs[0].producer for task in plan.tasks] == [
        everything.task,
        everything.task,
        alone.task,
    ]
    assert everything.content is not None
    assert [path for path, _ in json.loads(everything.content)] == [[name] for name in large]


@pytest.mark.parametrize(
    "text", ["x" * 40_000, '"' * 20_000, "\n" * 20_000, "é" * 11_000, "\\" * 9]
)
def test_the_rest_is_small_enough_however_it_is_escaped(text: str) -> None:
    plan = reading("parameters", parameters={f"p{number}": [text] for number in range(4)})
    for task in plan.tasks:
        inputs = {p.key: json.dumps(p.default) for p in task.parameters}
        assert len(json.dumps(inputs)) <= MAX_INLINE_BYTES * 1.2
    files = [json.loads(staged.content or b"") for staged in plan.staged]
    assert len(plan.parameters) + sum(map(len, files)) == 4


def test_a_parameter_that_is_large_for_one_task_is_an_input_for_none() -> None:
    parameters = {"p": "x" * 40_000, "r": "x" * 39_000}
    plan = reading("params:p", "parameters", parameters=parameters)
    assert [p.name for p in plan.parameters] == ["r"]
    assert all(
        any(artifact.travel is Travel.PARAMETER for artifact in task.inputs) for task in plan.tasks
    )
