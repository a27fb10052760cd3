"""A node gets its parameters exactly as from `kedro run`, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_run import LocalRun, kedro_run, run_once
from project_factory import KedroProject, write_project

NODES = """
    NAMES = [
        "quotes", "command", "backticks", "lines", "placeholder", "whole_placeholder",
        "not_interpolated", "backslashes", "unicode", "beyond_doubles", "huge", "negative",
        "nothing", "empty", "blanks", "like_a_number", "like_null", "like_a_boolean",
        "one", "one_as_float", "tiny", "negative_zero", "not_a_number", "infinite", "yes_",
        "nested.a.b", "nested.a.list", "nested.e.f", "dotted.key", "numbers", "empty_list",
        "empty_mapping", "by_number", "day", "days.first", "secret$ name", "interpolated",
    ]


    def written(*values, **named):
        return repr(named or values[0])


    everything = node(written, "parameters", "everything", name="everything")
    one_by_one = node(written, {f"p{i}": f"params:{name}" for i, name in enumerate(NAMES)},
                      "one_by_one", name="one_by_one")
    both = node(written, {"all": "parameters", "one": "params:nested.a", "two": "params:one"},
                "both", name="both")
    PIPELINES = {
        "__default__": Pipeline([everything, one_by_one, both]),
        "one_by_one": Pipeline([one_by_one]),
    }
"""

PARAMETERS = r"""
    quotes: "it's \"quoted\" '; touch harm; echo '"
    command: "$(touch harm) ; touch harm"
    backticks: "`touch harm`"
    lines: "one\ntwo\r\n\tthree\n"
    placeholder: "{{$.inputs.parameters['one']}} and {{$}}"
    whole_placeholder: "{{$.pipeline_job_name}}"
    not_interpolated: '\${not_interpolated} \\\${nor_this}'
    backslashes: 'C:\data\new "\" \\server'
    unicode: "Zürich 東京 🚀"
    beyond_doubles: 9007199254740993
    huge: 123456789012345678901234567890
    negative: -9007199254740993
    nothing: null
    empty: ""
    blanks: "  two  "
    like_a_number: "007"
    like_null: "null"
    like_a_boolean: "yes"
    one: 1
    one_as_float: 1.0
    tiny: 1e-300
    negative_zero: -0.0
    not_a_number: .nan
    infinite: .inf
    yes_: true
    nested:
      a:
        b: {c: 1, d: 1.0}
        list: [1, 1.0, null, "it's", {e: 2.0}, [[]]]
      e.f: 3
    dotted.key: 7
    numbers: [3, 2.0, 9007199254740993]
    empty_list: []
    empty_mapping: {}
    by_number: {1: one, 2.5: half, true: "yes"}
    1: a key that is a number
    day: ${day:2026-11-22}
    days: {first: "${day:2026-11-23}", text: "2026-11-24"}
    secret$ name: x
    folder: reports
    interpolated: ${.folder}/${.one}
    for_the_catalog: ${runtime_params:folder, data}
"""

# Without mlflow.yml, kedro-mlflow's hook would fail in `kedro run`.
SETTINGS = """
    from datetime import date

    DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)
    CONFIG_LOADER_ARGS = {
        "base_env": "base",
        "default_run_env": "local",
        "custom_resolvers": {"day": lambda text: date.fromisoformat(text)},
    }
"""

CATALOG = {
    name: {
        "type": "text.TextDataset",
        "filepath": f"${{runtime_params:folder, data}}/{name}.txt",
    }
    for name in ("everything", "one_by_one", "both")
}

OVERRIDES = (
    "one=1.0",  # of another type than the default
    "one_as_float=3",
    "nested.a.b.c=it's $(5)",
    "nested.a.list=~",
    "nothing=2026-01-02",
    "beyond_doubles=9007199254740995",
    "empty=1e3",
    "quotes=null",
    "yes_=off",
    "unicode=",
    "folder=elsewhere",  # a parameter, and read by a resolver
    "days.text=now",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    return write_project(
        tmp_path_factory.mktemp("parameters"),
        nodes=NODES,
        parameters=PARAMETERS,
        catalog=CATALOG,
        settings=SETTINGS,
    )


@pytest.fixture(scope="module")
def as_configured(project: KedroProject) -> LocalRun:
    kedro_run(project)
    return run_once(project)


@pytest.fixture(scope="module")
def overridden(project: KedroProject) -> LocalRun:
    kedro_run(project, "--pipeline", "one_by_one", "--params", ",".join(OVERRIDES))
    options = [word for pair in OVERRIDES for word in ("--params", pair)]
    return run_once(project, "-p", "one_by_one", *options)


@pytest.mark.parametrize("node", ["everything", "one_by_one", "both"])
def test_every_value_arrives_as_in_kedro_run(
    project: KedroProject, as_configured: LocalRun, node: str
) -> None:
    assert as_configured.exit_code == 0, as_configured.printed
    assert text_of(as_configured.output(f"{node}.txt")) == text_of(
        project.path / "data" / f"{node}.txt"
    )


def test_nothing_in_a_value_is_executed(project: KedroProject, as_configured: LocalRun) -> None:
    assert not list(project.path.rglob("harm"))


def test_overrides_arrive_as_in_kedro_run(project: KedroProject, overridden: LocalRun) -> None:
    assert overridden.exit_code == 0, overridden.printed
    assert text_of(overridden.output("one_by_one.txt")) == text_of(
        project.path / "elsewhere" / "one_by_one.txt"
    )


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")
