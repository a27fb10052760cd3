"""What is in a Kedro project: read through Kedro's doors, as a run would read it."""

from collections.abc import Callable
from importlib.metadata import distribution
from typing import Any

import pytest
from project_factory import MLFLOW, ONE_NODE, KedroProject

from kedro_vertexai.errors import ProjectError
from kedro_vertexai.project import Project, flatten_parameters, read_project
from kedro_vertexai.project_pipeline import Filters

NewProject = Callable[..., KedroProject]

HOOKS = """
from kedro.framework.hooks import hook_impl
from omegaconf import OmegaConf

class Hooks:
    @hook_impl
    def after_context_created(self, context):
        context.config_loader["parameters"] = {"start": 7}

HOOKS = (Hooks(),)
"""


def read(project: KedroProject, pipeline: str = "__default__", **request: Any) -> Project:
    project.bootstrap()
    return read_project(project.path, env="local", pipeline=pipeline, **request)


def test_nodes_come_with_their_tags_and_datasets_in_kedros_order(new_project: NewProject) -> None:
    project = read(
        new_project(
            nodes="""
            NODES = [
                node(first, ["b", "params:p"], ["c", "d"], name="z", tags=["y", "x"]),
                node(first, "a", "b", name="m"),
            ]
            """
        )
    )
    assert [node.name for node in project.nodes] == ["m", "z"]
    assert project.nodes[1].inputs == ("b", "params:p")
    assert project.nodes[1].outputs == ("c", "d")
    assert project.nodes[1].tags == {"x", "y"}


def test_parameters_are_named_as_nodes_name_them() -> None:
    found = flatten_parameters({"a": {"b": {"c": 1}, "d": None}, "x.y": 2, 3: "three"})
    assert {name: value.path for name, value in found.items()} == {
        "a": ("a",),
        "a.b": ("a", "b"),
        "a.b.c": ("a", "b", "c"),
        "a.d": ("a", "d"),
        "x.y": ("x.y",),
        "3": (3,),
    }
    assert found["a.b.c"].value == 1
    assert found["a.d"].value is None


def test_of_two_parameters_of_one_name_the_last_wins_as_in_kedro() -> None:
    found = flatten_parameters({"a": {"b": 1}, "a.b": 2})
    assert (found["a.b"].path, found["a.b"].value) == (("a.b",), 2)


def test_a_project_needs_neither_parameters_nor_catalog(new_project: NewProject) -> None:
    project = read(new_project(nodes='NODES = [node(first, None, "x", name="a")]'))
    assert project.parameters == {}
    assert list(project.datasets) == ["x"]


def test_runtime_parameters_override_the_configuration(new_project: NewProject) -> None:
    project = read(
        new_project(parameters={"start": 1, "m": {"a": 1, "b": 2}}, nodes=ONE_NODE),
        runtime_params={"m": {"a": 5}},
    )
    assert project.parameters["m"].value == {"a": 5, "b": 2}


def test_names_that_resolvers_read_are_found_in_every_file(new_project: NewProject) -> None:
    project = read(
        new_project(
            parameters={"start": "${runtime_params:from_parameters, 1}"},
            catalog="a: {type: MemoryDataset, x: '${runtime_params:from.catalog}'}\n",
            mlflow="tracking: {run: {name: '${runtime_params:  from_mlflow , x}'}}\n",
            files={
                "conf/local/parameters_2.yml": "y: '${runtime_params:from_local, ${z}}'\nz: 3\n",
                "conf/other/parameters.yml": "y: '${runtime_params:from_other, 1}'\n",
            },
        ),
        runtime_params={"from": {"catalog": 1}, "from_local": 2},
    )
    assert project.runtime_names == {
        "from_parameters",
        "from.catalog",
        "from_mlflow",
        "from_local",
    }


def test_a_file_that_is_no_text_is_nobodys_business_but_its_readers(
    new_project: NewProject,
) -> None:
    project = new_project()
    (project.path / "conf" / "base" / "notes.json").write_bytes(b"\xff\xfe\x00")
    assert read(project).runtime_names == frozenset()


@pytest.mark.parametrize(
    ("mlflow", "tracked"),
    [
        (None, False),
        (MLFLOW, True),
        ("", True),
        ({"tracking": {"disable_tracking": {"pipelines": ["other"]}}}, True),
        ({"tracking": {"disable_tracking": {"pipelines": ["__default__"]}}}, False),
        ({"tracking": None}, True),
        ({"tracking": {"run": {"name": "${km.random_name:}"}}}, True),
    ],
)
def test_a_run_is_tracked_where_kedro_mlflow_would_track_it(
    new_project: NewProject, mlflow: Any, tracked: bool
) -> None:
    assert read(new_project(mlflow=mlflow)).tracked == tracked


def test_a_run_is_not_tracked_where_the_plugin_is_switched_off(new_project: NewProject) -> None:
    name = distribution("kedro-mlflow").metadata["Name"]
    settings = f"DISABLE_HOOKS_FOR_PLUGINS = ({name!r},)"
    assert not read(new_project(mlflow=MLFLOW, settings=settings)).tracked


def test_the_projects_own_hooks_act_on_the_configuration(new_project: NewProject) -> None:
    project = read(new_project(settings=HOOKS))
    assert project.parameters["start"].value == 7


def test_the_projects_own_resolvers_are_there(new_project: NewProject) -> None:
    settings = 'CONFIG_LOADER_ARGS = {"custom_resolvers": {"twice": lambda x: 2 * x}}'
    project = read(new_project(settings=settings, parameters="start: ${twice:4}\n"))
    assert project.parameters["start"].value == 8


def test_the_configuration_may_lie_elsewhere(new_project: NewProject) -> None:
    project = new_project(
        settings='CONF_SOURCE = "etc"\nCONFIG_LOADER_ARGS = {"base_env": "common"}',
        files={
            "etc/common/parameters.yml": "start: 5\n",
            "etc/common/catalog.yml": "{}\n",
            "etc/local/.gitkeep": "",
            "etc/common/vertexai.yml": (
                "{project_id: p, region: r, run_config: {image: elsewhere, root: bucket/x}}\n"
            ),
        },
    )
    compiled = project.compile()
    assert compiled.project.parameters["start"].value == 5
    assert compiled.plan.image == "elsewhere"


def test_globals_reach_the_parameters(new_project: NewProject) -> None:
    project = new_project(
        parameters="start: ${globals:size}\n", files={"conf/base/globals.yml": "size: 9\n"}
    )
    assert read(project).parameters["start"].value == 9


def test_credentials_are_not_read(new_project: NewProject) -> None:
    # They are not on the machine that compiles, and have no business in a spec.
    project = new_project(
        nodes='NODES = [node(first, "raw", "out", name="a")]',
        catalog={
            "raw": {
                "type": "pickle.PickleDataset",
                "filepath": "gs://b/x",
                "credentials": "not_there",
            }
        },
        files={"conf/local/credentials.yml": "a: ${oc.env:NOT_SET_ANYWHERE}\n"},
    )
    assert read(project).datasets["raw"].type == "pickle.PickleDataset"


def test_a_pipeline_of_its_own_module_does_not_need_the_others(new_project: NewProject) -> None:
    # Kedro itself imports only what was asked for.
    create = (
        "from kedro.pipeline import Pipeline, node\n"
        "def create_pipeline():\n"
        "    return Pipeline([node(print, 'params:start', 'x', name='good')])\n"
    )
    project = new_project(
        package="lazy",
        files={
            "src/lazy/pipelines/__init__.py": "",
            "src/lazy/pipelines/good/__init__.py": create,
            "src/lazy/pipelines/bad/__init__.py": "import a_module_that_is_not_installed\n",
            "src/lazy/pipeline_registry.py": (
                "from kedro.framework.project import find_pipelines\n"
                "def register_pipelines():\n"
                "    return find_pipelines()\n"
            ),
        },
    )
    assert [node.name for node in read(project, "good").nodes] == ["good"]


def test_filters_are_kedros(new_project: NewProject) -> None:
    nodes = """
    NODES = [node(first, None, "a", name="a", tags="x"), node(first, "a", "b", name="b")]
    """
    project = read(new_project(nodes=nodes), filters=Filters(tags=("x",)))
    assert [node.name for node in project.nodes] == ["a"]
    assert not Filters()


def test_a_project_without_a_catalog_is_refused_as_kedro_would(
    new_project: Callable[..., KedroProject],
) -> None:
    project = new_project()
    (project.path / "conf/base/catalog.yml").unlink()
    with pytest.raises(ProjectError, match=r"no catalog.*write conf/base/catalog\.yml"):
        project.compile()
