"""`run_config.on_exit_pipeline` in a project: read beside the pipeline that is asked for."""

from collections.abc import Callable
from typing import Any

import pytest
from project_factory import KedroProject
from spec_reader import tasks

from kedro_vertexai.errors import ConfigError, PlanError

NewProject = Callable[..., KedroProject]

NODES = """
main = Pipeline([node(first, "params:start", "x", name="load"), node(first, "x", "y", name="fit")])
notify = Pipeline([node(first, ["params:vertexai_job", "params:channel"], "note", name="tell")])
PIPELINES = {
    "__default__": main,
    "notify": notify,
    "both": main + notify,
    "cleanup": Pipeline([node(first, "params:channel", "gone", name="clean_up")]),
    "with_cleanup": main + Pipeline([node(first, "params:channel", "gone", name="clean_up")]),
    "empty": Pipeline([]),
}
"""
PARAMETERS = {"start": 1, "channel": "prices"}


@pytest.fixture
def project(new_project: NewProject) -> Callable[..., KedroProject]:
    def make(name: str = "notify", **run_config: Any) -> KedroProject:
        said = {"on_exit_pipeline": name, **run_config}
        return new_project(nodes=NODES, parameters=PARAMETERS, run_config=said)

    return make


def test_it_is_compiled_whatever_nodes_are_asked_for(project: Callable[..., KedroProject]) -> None:
    done = project().invoke("compile", "--nodes", "load")
    assert done.exit_code == 0, done.output
    assert ": 1 task written to pipeline.yaml" in done.output
    assert "Warning" not in done.output


def test_values_of_the_command_line_reach_it(project: Callable[..., KedroProject]) -> None:
    plan = project().compile(values={"channel": "sales"}).plan
    assert plan.values == {"channel": "sales"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notfy", "run_config.on_exit_pipeline: no pipeline named 'notfy', did you mean 'notify'?"),
        ("empty", "run_config.on_exit_pipeline: pipeline 'empty' has no nodes to run"),
    ],
)
def test_one_that_cannot_be_run_is_one_line(
    project: Callable[..., KedroProject], name: str, message: str
) -> None:
    done = project(name).invoke("compile")
    assert done.exit_code == 1
    assert message in done.output
    with pytest.raises(ConfigError):
        project(name).compile()


def test_one_that_is_asked_for_runs_once(project: Callable[..., KedroProject]) -> None:
    compiled = project("cleanup").compile(pipeline="cleanup")
    assert compiled.plan.on_exit is None
    assert compiled.notes == [
        "'cleanup' is run_config.on_exit_pipeline: it runs once, as asked",
    ]


def test_nodes_that_would_run_twice_are_told(project: Callable[..., KedroProject]) -> None:
    (note,) = project("cleanup").compile(pipeline="with_cleanup").notes
    assert note.startswith(
        "node 'clean_up' of run_config.on_exit_pipeline is in 'with_cleanup' too, and runs twice"
    )


def test_a_node_that_is_told_of_the_job_while_it_runs_is_an_error_that_says_where_to_put_it(
    project: Callable[..., KedroProject],
) -> None:
    with pytest.raises(PlanError, match=r"'params:vertexai_job'.*on_exit_pipeline alone"):
        project().compile(pipeline="both")


def test_without_the_key_the_spec_is_what_it_was(new_project: NewProject) -> None:
    spec = new_project(nodes=NODES, parameters=PARAMETERS).spec()
    assert list(spec["root"]["dag"]["tasks"]) == ["load", "fit"]
    assert list(tasks(spec)) == ["load", "fit"]


def test_names_in_vertexai_yml_that_speak_of_it_are_no_slips(
    project: Callable[..., KedroProject],
) -> None:
    assert project(resources={"tell": {"cpu": 2}}).compile().notes == []
    (note,) = project(resources={"tel": {"cpu": 2}}).compile().notes
    assert note == (
        "run_config.resources.tel fits no node and no tag of this pipeline, did you mean 'tell'?"
    )


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("resources", {"cpu": 2}),
        ("node_selectors", {"accelerator": "NVIDIA_TESLA_T4"}),
        ("retries", 2),
        ("caching", True),
        ("images", "host/cuda:12"),
    ],
)
def test_a_name_that_is_nearly_a_node_is_told_wherever_it_stands(
    new_project: NewProject, section: str, said: object
) -> None:
    compiled = new_project(run_config={section: {"strat": said}}).compile()
    (note,) = [note for note in compiled.notes if "fits no node" in note]
    assert note.startswith(f"run_config.{section}.strat fits no node")
    assert "did you mean 'start'?" in note
