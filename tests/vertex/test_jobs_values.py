"""New parameter values for a compiled spec: what `rerun --params` hands over, and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from project_factory import KedroProject

from kedro_vertexai.errors import ConfigError
from kedro_vertexai.job_values import ChangedValues, changed_values
from kedro_vertexai.overrides import parse_overrides
from kedro_vertexai.spec.inputs import spec_inputs

NewProject = Callable[..., KedroProject]
PARAMETERS = {
    "rounds": 5,
    "rate": 0.5,
    "title": "plain",
    "eager": True,
    "model": {"depth": 3, "layers": {"first": 1, "second": None}, "open": {}},
    "split-by": {"seed": 7},
    "words": ["a", "b"],
}
NODES = """
NODES = [
    node(first, "params:rounds", "a", name="a"),
    node(first, ["params:rate", "params:title"], "b", name="b"),
    node(first, ["params:eager", "params:model", "params:words"], "c", name="c"),
    node(first, "params:split-by.seed", "d", name="d"),
]
"""


@pytest.fixture
def spec(new_project: NewProject) -> dict[str, Any]:
    return new_project(nodes=NODES, parameters=PARAMETERS).spec()


@pytest.fixture
def resolver_spec(new_project: NewProject) -> dict[str, Any]:
    """A spec whose configuration reads runtime parameters, of which `rounds` is one."""
    catalog = {
        "a": {
            "type": "json.JSONDataset",
            "filepath": "${runtime_params:folder,data}/a.json",
        }
    }
    return new_project(nodes=NODES, parameters=PARAMETERS, catalog=catalog).spec()


def changed(spec: dict[str, Any], *pairs: str, held: dict[str, Any] | None = None) -> ChangedValues:
    return changed_values(spec, held or {}, parse_overrides(pairs))


def refusal(spec: dict[str, Any], *pairs: str) -> str:
    with pytest.raises(ConfigError) as caught:
        changed(spec, *pairs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_not_given_stays_as_it_was(spec: dict[str, Any]) -> None:
    assert changed(spec) == ChangedValues({}, ())


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("rounds=9", "rounds", 9),
        ("rate=2", "rate", 2),
        ("rate=1e-3", "rate", 0.001),
        ("title=other", "title", "other"),
        ("title='9'", "title", "9"),
        ("eager=false", "eager", False),
        ("split-by.seed=8", "split_by_seed", 8),
    ],
)
def test_a_value_has_the_type_of_its_input(
    spec: dict[str, Any], pair: str, key: str, value: Any
) -> None:
    values = changed(spec, pair).values
    assert values == {key: value}
    assert type(values[key]) is type(value)


def test_a_value_inside_of_a_dictionary_changes_that_alone(spec: dict[str, Any]) -> None:
    values = changed(spec, "model.layers.first=2", "model.depth=4").values
    assert json.loads(values["model"]) == {
        "depth": 4,
        "layers": {"first": 2, "second": None},
        "open": {},
    }


def test_it_is_put_into_what_the_job_had_not_into_the_default(spec: dict[str, Any]) -> None:
    held = {"model": json.dumps({"depth": 30, "layers": {}, "open": {}})}
    values = changed(spec, "model.open.anything=1", held=held).values
    assert json.loads(values["model"]) == {"depth": 30, "layers": {}, "open": {"anything": 1}}


def test_a_list_is_replaced(spec: dict[str, Any]) -> None:
    assert json.loads(changed(spec, "words=[x,2]").values["words"]) == ["x", 2]


def test_an_input_may_be_called_by_its_name_in_the_spec(spec: dict[str, Any]) -> None:
    assert changed(spec, "split_by_seed=8").values == {"split_by_seed": 8}


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("rounds=many", "rounds: must be of type NUMBER_INTEGER, not 'many'"),
        ("rounds=1.5", "rounds: must be of type NUMBER_INTEGER, not 1.5"),
        ("title=9", "title: must be of type STRING, not 9"),
        ("eager=1", "eager: must be of type BOOLEAN, not 1"),
        ("round=9", "round: the job's spec takes no such parameter, did you mean 'rounds'?"),
        ("model.depht=9", "model.depht: 'model' has no such key, did you mean 'depth'?"),
        ("model.depth.x=9", "model.depth.x: 'model.depth' holds no keys and values"),
        ("rounds.x=9", "rounds.x: 'rounds' holds no keys and values"),
    ],
)
def test_what_the_spec_does_not_take_is_refused(
    spec: dict[str, Any], pair: str, words: str
) -> None:
    assert words in refusal(spec, pair)


def test_resolvers_see_every_value_that_is_given(resolver_spec: dict[str, Any]) -> None:
    found = changed(resolver_spec, "rounds=9", held={"runtime_params": '{"folder": "x"}'})
    assert found.values["rounds"] == 9
    assert json.loads(found.values["runtime_params"]) == {"folder": "x", "rounds": 9}
    assert found.notes == ()


def test_what_only_resolvers_read_is_told(resolver_spec: dict[str, Any]) -> None:
    found = changed(resolver_spec, "folder=out")
    assert json.loads(found.values["runtime_params"]) == {"folder": "out"}
    (note,) = found.notes
    assert note.startswith("--params folder: the job's spec has no such input")


def test_a_spec_that_is_not_ours_has_its_own_names_and_types() -> None:
    definitions = {"n": {"parameterType": "NUMBER_INTEGER"}, "s": {"parameterType": "STRUCT"}}
    spec = {"root": {"inputDefinitions": {"parameters": definitions}, "dag": {"tasks": {}}}}
    assert {entry.name: entry.type for entry in spec_inputs(spec).values()} == {
        "n": "integer",
        "s": "other",
    }
    assert changed_values(spec, {}, {"n": 3}).values == {"n": 3}


def test_inputs_are_found_in_a_spec_whose_tasks_share_components(new_project: NewProject) -> None:
    project = new_project(
        nodes="""
        NODES = [node(first, "params:deep.value", f"o{n}", name=f"n{n}") for n in range(201)]
        """,
        parameters={"deep": {"value": 1}},
        mlflow={"server": {"mlflow_tracking_uri": "sqlite:///mlflow.db"}},
    )
    assert [entry.path for entry in spec_inputs(project.spec()).values()] == [("deep", "value")]
