"""`--params` and `--params-file`: typed as `kedro run --params` types them, checked by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.cli.utils import _split_params
from project_factory import KedroProject

from kedro_vertexai.compiler import Compiled
from kedro_vertexai.errors import ConfigError
from kedro_vertexai.overrides import check_known, parse_declared, parse_overrides
from kedro_vertexai.plan.parameters import FOR_RESOLVERS
from kedro_vertexai.project import Project, flatten_parameters
from kedro_vertexai.runtime.parameters import overrides

NewProject = Callable[..., KedroProject]


def parsed(*pairs: str) -> dict[str, Any]:
    return parse_overrides(pairs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("text", "text"),
        ("two words", "two words"),
        ("'5'", "5"),
        ('""', ""),
        ("it's", "it's"),
        ("$(touch x)", "$(touch x)"),
        ("'`touch x`'", "`touch x`"),
        ("'{{$.x}}'", "{{$.x}}"),
        ("a=b", "a=b"),
        ("[1,2,'x']", [1, 2, "x"]),
        ("[]", []),
        ("{'a':1}", {"a": 1}),
        ("2026-01-02", "2026-01-02"),
        ("数据 🚀", "数据 🚀"),
        (str(2**53 + 1), 2**53 + 1),
    ],
)
def test_a_value_has_the_type_that_it_has_in_kedro(text: str, value: Any) -> None:
    found = parsed(f"key={text}")["key"]
    assert found == value
    assert type(found) is type(value)
    if "," not in text and text:
        # Kedro's own option takes one text, in which a comma separates parameters.
        assert _split_params(None, None, f"key={text}") == {"key": value}


def test_a_comma_belongs_to_the_value() -> None:
    assert parsed("key=a,b") == {"key": "a,b"}


def test_dots_nest_and_later_pairs_win() -> None:
    assert parsed("a.b.c=1", "a.b.d=2", "x=3", "x=4") == {"a": {"b": {"c": 1, "d": 2}}, "x": 4}


def test_space_around_the_name_is_taken_off() -> None:
    assert parsed(" key =1") == {"key": 1}


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_pairs_stand_over_a_file(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"p.{suffix}"
    file.write_text('{"a": {"b": 1, "c": [1, 2]}, "x": null}')
    assert parse_overrides(["a.b=5"], file) == {"a": {"b": 5, "c": [1, 2]}, "x": None}


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    file = tmp_path / "p.yml"
    file.write_text("")
    assert parse_overrides([], file) == {}


@pytest.mark.parametrize("text", ["`touch x`", "{{$.x}}", "[1", "@x"])
def test_what_is_no_yaml_wants_quotes(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--params key=.*put it in quotes"):
        parsed(f"key={text}")
    assert parsed(f"key='{text}'") == {"key": text}


@pytest.mark.parametrize("pair", ["key", "=1", " =1", ""])
def test_a_pair_needs_a_name_and_a_value(pair: str) -> None:
    with pytest.raises(ConfigError, match="write it as key=value"):
        parsed(pair)


def test_declarations_in_the_peers_form() -> None:
    assert parse_declared("a:int, b.c:string,") == {"a": "int", "b.c": "string"}
    assert parse_declared("") == {}
    for wrong in ("a:", ":int", "a"):
        with pytest.raises(ConfigError, match="name:type"):
            parse_declared(wrong)


def project_with(parameters: dict[Any, Any], *runtime_names: str) -> Project:
    return Project(
        path=Path(),
        package="shop",
        env="local",
        pipeline="__default__",
        nodes=(),
        datasets={},
        parameters=flatten_parameters(parameters),
        runtime_names=frozenset(runtime_names),
    )


@pytest.mark.parametrize(
    "values",
    [
        {"a": {"b": 1}},
        {"a": {}},
        {"a": {"b": {"new": 1}}},
        {"free": {"anything": 1}},
        {"day": 1},
        {"when": {"day": 1}},
        {"model": {"layers": 1}},
    ],
)
def test_known_is_what_is_configured_and_what_a_resolver_reads(values: dict[str, Any]) -> None:
    parameters = {"a": {"b": {}}, "free": None}
    check_known(values, project_with(parameters, "day", "when.day", "model"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modle": 1}, r"--params modle: no such parameter, did you mean 'model'\?"),
        ({"model": {"rl": 1}}, r"--params model\.rl: .*did you mean 'model\.lr'"),
        ({"model": {"lr": {"x": 1}}}, r"--params model\.lr\.x"),
        ({"dya": 1}, "did you mean 'day'"),
        ({"zzz": 1}, "--params zzz: no such parameter "),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest_known(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_known(values, project_with({"model": {"lr": 1}}, "day"))


NESTED = {"model": {"lr": 0.1, "layers": [8, 4], "init": None}, "seed": 3}
READS_ALL = 'NODES = [node(first, ["params:model", "params:seed"], "out", name="a")]'


def given(project: KedroProject, *pairs: str) -> Compiled:
    """What `run-once --params` plans: the configured defaults, and values beside them."""
    return project.compile(values=parse_overrides(pairs), new_defaults=False)


def test_a_run_changes_values_and_not_the_spec(new_project: NewProject) -> None:
    project = new_project(nodes=READS_ALL, parameters=NESTED)
    compiled = given(project, "model.lr=5", "seed=4")
    assert compiled.plan.values == {"model": {**NESTED["model"], "lr": 5}, "seed": 4}
    plain = project.compile().plan
    assert [p.default for p in compiled.plan.parameters] == [p.default for p in plain.parameters]


def test_a_value_that_is_as_configured_is_no_change(new_project: NewProject) -> None:
    project = new_project(nodes=READS_ALL, parameters=NESTED)
    assert given(project, "seed=3").plan.values == {}


def test_a_value_of_another_type_is_a_change(new_project: NewProject) -> None:
    project = new_project(nodes=READS_ALL, parameters=NESTED)
    changed = given(project, "seed=3.0", "model.layers=[8,4.0]").plan.values
    assert repr(changed["seed"]) == "3.0"
    assert repr(changed["model"]["layers"]) == "[8, 4.0]"


def test_a_parameters_own_input_counts_whatever_the_input_for_resolvers_says() -> None:
    # Both are set by `compile --params`; in the form of a new run only the first is edited.
    configured = {"name": "configured", "model": {"lr": 1, "depth": 2}}
    given: dict[tuple[str, ...], Any] = {
        (): {"name": "compiled", "model": {"lr": 5}, "day": "monday"},
        ("name",): "configured",
        ("model",): {"lr": 1, "depth": 2},
    }
    assert overrides(given, configured) == {**configured, "day": "monday"}


def test_what_a_resolver_makes_of_a_value_is_changed_too(new_project: NewProject) -> None:
    project = new_project(
        nodes=ONE_READER, parameters="size: ${runtime_params:size, 1}\nstart: 's-${.size}'\n"
    )
    plan = given(project, "size=2").plan
    assert plan.values["start"] == "s-2"
    assert plan.values["runtime_params"] == {"size": 2}


ONE_READER = 'NODES = [node(first, "params:start", "out", name="a")]'


def test_a_resolver_without_a_default_gets_what_is_given(new_project: NewProject) -> None:
    project = new_project(nodes=ONE_READER, parameters="start: ${runtime_params:day}\n")
    plan = given(project, "day=monday").plan
    assert plan.values["runtime_params"] == {"day": "monday"}
    (parameter,) = [p for p in plan.parameters if p.name != FOR_RESOLVERS]
    assert parameter.default == "monday"


def test_a_parameter_that_the_pipeline_does_not_read_may_be_given(new_project: NewProject) -> None:
    project = new_project(nodes=ONE_READER, parameters={"start": 1, "unused": 2})
    assert given(project, "unused=3").plan.values.get("start") is None
