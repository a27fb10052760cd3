"""Which parameters a task's session gets, and that Kedro reads them as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader

from kedro_vertexai.errors import TaskError
from kedro_vertexai.runtime.parameters import (
    as_runtime_params,
    given_parameters,
    overrides,
    put_exactly,
)
from kedro_vertexai.runtime.task_document import Boundary, TaskDocument


def document(type_: str, *path: str) -> TaskDocument:
    return TaskDocument(nodes=("n",), parameters={"key": (type_, path or ("name",))})


def read(type_: str, value: Any) -> Any:
    return given_parameters(document(type_), {"key": value}, {})[("name",)]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("string", "", ""),
        ("string", "5", "5"),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", 2**53, 2**53),
        ("double", 5, 5.0),
        ("double", "0.1", 0.1),
        ("boolean", True, True),
        ("boolean", "False", False),
        ("json", "null", None),
        ("json", '{"a": [1, 1.0, {"b": null}]}', {"a": [1, 1.0, {"b": None}]}),
        ("json", "9007199254740993", 2**53 + 1),
        ("json", '"\\u007b\\u007b$.x}}"', "{{$.x}}"),
    ],
)
def test_a_value_has_its_own_type_however_an_engine_writes_it(
    type_: str, value: Any, expected: Any
) -> None:
    found = read(type_, value)
    assert found == expected
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("type_", "value"), [("integer", 5.5), ("integer", "x"), ("json", "{"), ("double", None)]
)
def test_a_value_of_another_type_is_refused_by_name(type_: str, value: Any) -> None:
    with pytest.raises(TaskError, match=f"parameter 'key': its value is no {type_}"):
        read(type_, value)


def test_large_parameters_are_read_from_their_file(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    pairs = [[["a", "b"], {"ü": [1, 2.0]}], [["c"], None]]
    file.write_text(json.dumps(pairs), encoding="utf-8")
    large = Boundary("large", "large", "parameter")
    given = given_parameters(TaskDocument(nodes=(), inputs={"large": large}), {}, {"large": file})
    assert given == {("a", "b"): {"ü": [1, 2.0]}, ("c",): None}


def test_what_the_configuration_says_already_is_not_passed_on() -> None:
    configured = {"a": 1, "b": {"c": [1, None]}, "d": float("nan")}
    assert overrides({("a",): 1, ("b", "c"): [1, None], ("d",): float("nan")}, configured) == {}


@pytest.mark.parametrize(
    ("configured", "given"),
    [(1, 1.0), (1.0, 1), (1, True), ([1], [1.0]), ({"x": 1}, {"x": 1, "y": 2}), (None, "null")],
)
def test_a_value_that_differs_in_type_alone_is_passed_on(configured: Any, given: Any) -> None:
    changed = overrides({("a", "b"): given}, {"a": {"b": configured}})
    assert repr(changed) == repr({"a": {"b": given}})


def test_what_only_resolvers_read_is_always_passed_on() -> None:
    given = {(): {"folder": "x", "model": {"name": "y"}}, ("model", "depth"): 3}
    assert overrides(given, {"model": {"depth": 2}}) == {
        "folder": "x",
        "model": {"name": "y", "depth": 3},
    }


texts = st.text(st.sampled_from("${}\\.'\" \nax:,[]"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("ab", min_size=1), below),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(value=values)
@example(value=r"${x}")
@example(value=r"\${x}")
@example(value=r"\\${x}")
@example(value="\\" * 3 + "${a.b} ${")
@example(value="$${x} {${a}}")
def test_kedro_reads_a_runtime_parameter_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    conf = tmp_path_factory.getbasetemp() / "conf-of-parameters"
    (conf / "base").mkdir(parents=True, exist_ok=True)
    (conf / "base" / "parameters.yml").write_text("given: 1", encoding="utf-8")
    loader = OmegaConfigLoader(
        str(conf),
        base_env="base",
        default_run_env="base",
        runtime_params=as_runtime_params({"given": value}),
    )
    assert repr(loader["parameters"]["given"]) == repr(value)


def test_a_dictionary_is_set_as_it_is_given_without_the_keys_it_lost() -> None:
    parameters = {"model": {"a": 1, "b": 2}, "other": "???"}
    put_exactly(parameters, {("model",): {"a": 5}, ("new", "deep"): "???"})
    assert parameters == {"model": {"a": 5}, "other": "???", "new": {"deep": "???"}}
