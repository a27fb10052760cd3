"""A parameter's value reaches the node as the configuration has it, whatever lies between.

The way: project, plan, spec, the engine's numbers and placeholders, the task's process,
Kedro's own configuration loader.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from planning import plan_of, step
from project_factory import KedroProject
from spec_reader import checked, container, defaults, tasks

from kedro_vertexai.plan.build import Values
from kedro_vertexai.plan.model import Plan
from kedro_vertexai.runtime.parameters import as_runtime_params, given_parameters, overrides
from kedro_vertexai.runtime.task_document import TaskDocument
from kedro_vertexai.spec.build import build_spec, job_values
from kedro_vertexai.spec.write import render_spec

AWKWARD = [
    "it's",
    'say "x"',
    "$(touch x)",
    "`touch x`",
    "a\nb\r\n\tc",
    "{{$.pipeline_job_name}}",
    "{{$}}",
    "{{$.inputs.parameters['p']}}",
    "{{workflow.name}}",
    "${p}",
    "\\${p}",
    "${oc.env:HOME}",
    "\\",
    "naïve 数据 🚀",
    "\u2028\u0085\u0000",
    "",
    " ",
    "null",
    "1",
    "true",
    "-",
    2**53,
    2**53 + 1,
    -(2**63),
    10**30,
    0.1,
    1e300,
    5e-324,
    -0.0,
    1.0,
    True,
    None,
    [],
    {},
    [None, {"a": [1, 1.0, True, "1"]}],
    {"a.b": 1, "": 2, "a b": {"c": None}},
    {"nested": "{{$.x}} ${y}"},
]

# "???" is missing here: OmegaConf reads it as a value that is not there, in runtime parameters
# too, and knows no other way to write it.
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [value for value in AWKWARD if isinstance(value, str)]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
documents = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4)
)


def plan_with(value: Any, given_value: Any = None, *, name: str = "p") -> Plan:
    values = Values() if given_value is None else Values(given={name: given_value})
    return plan_of(step("a", f"params:{name}"), parameters={name: value}, values=values)


def handed_over(spec: Mapping[str, Any], task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the task gets them: KFP's numbers are all doubles, placeholders filled."""
    pipeline_inputs = {**defaults(dict(spec)), **values}
    found = {}
    for key, source in tasks(dict(spec))[task]["inputs"]["parameters"].items():
        if "componentInputParameter" in source:
            value = pipeline_inputs[source["componentInputParameter"]]
        else:
            value = source["runtimeValue"]["constant"]
        number = isinstance(value, int) and not isinstance(value, bool)
        found[key] = float(value) if number else _filled(value)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def _filled(value: Any) -> Any:
    return value.replace("{{$", "SUBSTITUTED") if isinstance(value, str) else value


def loaded(
    plan: Plan, configured: Mapping[str, Any], conf: Path, image: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Kedro's parameters in the task, whose image holds the configuration `image`."""
    spec = checked(build_spec(plan, root="gs://bucket/runs"))
    values = handed_over(spec, "a", job_values(plan))
    document = TaskDocument.parse(values["kedro__task"], {}, {})
    image = configured if image is None else image
    changed = overrides(given_parameters(document, values, {}), image)
    (conf / "base").mkdir(parents=True, exist_ok=True)
    (conf / "local").mkdir(exist_ok=True)
    (conf / "base" / "parameters.yml").write_text(
        yaml.safe_dump(as_runtime_params(dict(image)), sort_keys=False)
    )
    loader = OmegaConfigLoader(
        conf_source=str(conf),
        base_env="base",
        default_run_env="local",
        runtime_params=as_runtime_params(changed),
    )
    return dict(loader["parameters"])


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types at every depth."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("value", AWKWARD, ids=repr)
def test_a_configured_value_arrives(value: Any, tmp_path: Path) -> None:
    parameters = {"p": value, "other": 1}
    # The image holds another value: what the spec says counts.
    found = loaded(plan_with(value), parameters, tmp_path, image={"p": "stale", "other": 1})
    assert same(found["p"], value)


@pytest.mark.parametrize("value", [value for value in AWKWARD if value is not None], ids=repr)
def test_a_given_value_arrives(value: Any, tmp_path: Path) -> None:
    found = loaded(plan_with("configured", value), {"p": "configured"}, tmp_path)
    assert same(found["p"], value)


@settings(max_examples=50)
@given(value=documents)
def test_any_document_arrives(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    conf = tmp_path_factory.mktemp("conf")
    found = loaded(plan_with(value), {"p": value}, conf, image={"p": "stale"})
    assert same(found["p"], value)


@settings(max_examples=50)
@given(configured=scalars, value=documents)
def test_any_document_arrives_in_place_of_any_scalar(
    configured: Any, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    conf = tmp_path_factory.mktemp("conf")
    plan = plan_of(
        step("a", "params:p"), parameters={"p": configured}, values=Values(given={"p": value})
    )
    assert same(loaded(plan, {"p": configured}, conf)["p"], value)


@given(value=documents)
def test_an_unchanged_value_is_no_runtime_parameter(value: Any) -> None:
    # A run that changes nothing is, to every hook, a run without runtime parameters.
    spec = build_spec(plan_with(value), root="")
    values = handed_over(spec, "a", {})
    document = TaskDocument.parse(values["kedro__task"], {}, {})
    assert overrides(given_parameters(document, values, {}), {"p": value}) == {}


@pytest.mark.parametrize("name", ["a.b", "a b", "ключ", "1st", "import", "kedro__task", "x" * 300])
def test_a_key_of_any_name_keeps_its_place(name: str, tmp_path: Path) -> None:
    found = loaded(plan_with(1, 2, name=name), {name: 1}, tmp_path)
    assert found == {name: 2}


@settings(max_examples=50)
@given(value=documents)
def test_a_spec_reads_back_from_its_file_as_yaml_and_as_json(value: Any) -> None:
    spec = build_spec(plan_with(value), root="gs://bucket/runs")
    as_json = render_spec(spec, as_json=True)
    assert same(json.loads(as_json), spec)
    # Vertex AI's client and KFP read either with PyYAML.
    assert same(yaml.safe_load(as_json), spec)
    assert same(yaml.safe_load(render_spec(spec, as_json=False)), spec)


CONFIGURED = {
    "model": {"lr": 0.1, "layers": [8, 4], "deep": {"a": {"b": 1}, "c": None}},
    "seed": 3,
    "name": "x",
    "empty": {},
    "nothing": None,
}


@pytest.mark.parametrize("compiled_in", [True, False], ids=["compile", "run-once"])
@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 4},
        {"seed": 3},
        {"seed": 3.0},
        {"seed": "3"},
        {"seed": True},
        {"seed": None},
        {"seed": [1, None]},
        {"seed": 2**53 + 1},
        {"name": "{{$.x}}"},
        {"name": ""},
        {"model": {"lr": 5}},
        {"model": {"layers": []}},
        {"model": {"deep": {"a": {"b": None}}}, "seed": 1},
        {"model": {"deep": {"c": [{"d": 1}]}}},
        {"model": 5},
        {"model": None},
        {"empty": {"new": 1}},
        {"nothing": {"new": {"deep": "x"}}},
    ],
    ids=repr,
)
def test_a_run_sees_what_kedro_run_would_see(
    new_project: Callable[..., KedroProject],
    tmp_path: Path,
    changes: dict[str, Any],
    compiled_in: bool,
) -> None:
    project = new_project(
        nodes='NODES = [node(first, ["parameters", "params:model.lr"], "out", name="a")]'
        if "model" not in changes or isinstance(changes["model"], dict)
        else 'NODES = [node(first, "parameters", "out", name="a")]',
        parameters=CONFIGURED,
    )
    plan = project.compile(values=changes, new_defaults=compiled_in).plan
    kedro = OmegaConfigLoader(
        conf_source=str(project.path / "conf"),
        base_env="base",
        default_run_env="local",
        runtime_params=changes,
    )
    assert same(loaded(plan, CONFIGURED, tmp_path / "image"), dict(kedro["parameters"]))


def test_nothing_of_the_users_stands_in_an_argument() -> None:
    spec = build_spec(plan_with("$(touch x)"), root="")
    assert container(spec, "a")["args"][-1] == "{{$}}"
    assert "touch" not in json.dumps(container(spec, "a"))
    assert container(spec, "a")["command"] == ["python", "-m", "kedro_vertexai.runtime"]


@pytest.mark.parametrize("value", ["{{$.x}}", ["{{$.x}}"], {"{{$.x}}": 1}])
def test_no_default_holds_what_an_engine_would_substitute(value: Any) -> None:
    assert "{{$" not in json.dumps(defaults(build_spec(plan_with(value), root="")))
