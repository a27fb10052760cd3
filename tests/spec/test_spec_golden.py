"""Whole specs to be read by people: `tests/golden/` holds what these projects compile to.

After a change that is meant: `pytest tests/spec/test_spec_golden.py --update-golden`, then read
the difference before it is committed.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project_factory import MLFLOW, KedroProject

from kedro_vertexai.init_project import init_project
from kedro_vertexai.spec.write import render_spec

TESTS = Path(__file__).parent.parent
GOLDEN = TESTS / "golden"
NewProject = Callable[..., KedroProject]


def two_nodes(new_project: NewProject) -> KedroProject:
    """The least there is: an object and a parameter, and no MLflow."""
    return new_project(
        package="two_nodes",
        nodes="""
        NODES = [
            node(first, "params:rows", "table", name="make_table"),
            node(first, "table", "report", name="write_report"),
        ]
        """,
        parameters={"rows": 100},
    )


def tracked(new_project: NewProject) -> KedroProject:
    """A raw file, local and remote datasets, nested parameters, limits, retries and MLflow."""
    return new_project(
        package="tracked",
        nodes="""
        NODES = [
            node(first, "orders", "clean_orders", name="clean", tags="heavy"),
            node(first, ["clean_orders", "params:model"], "model", name="train"),
            node(first, ["model", "params:model.seed"], "scores", name="evaluate"),
            node(first, "scores", None, name="publish"),
        ]
        """,
        parameters={
            "model": {"lr": 0.1, "layers": [8, 4], "init": None, "seed": 2**53 + 1},
        },
        catalog="""
        orders:
          type: pickle.PickleDataset
          filepath: data/orders.pkl
        clean_orders:
          type: pickle.PickleDataset
          filepath: data/clean_orders.pkl
          versioned: true
        scores:
          type: pickle.PickleDataset
          filepath: gs://bucket/${runtime_params:day, today}/scores.pkl
        """,
        mlflow=MLFLOW,
        run_config={
            "description": "Who orders again",
            "resources": {"heavy": {"memory": "8Gi"}, "train": {"cpu": 4, "gpu": 1}},
            "node_selectors": {"train": {"any": "NVIDIA_TESLA_T4"}},
            "retries": {"publish": {"count": 3, "backoff": 10}},
        },
        files={"data/orders.pkl": "orders"},
    )


def names_and_groups(new_project: NewProject) -> KedroProject:
    """Names that no engine takes as they are, a group, and everything that is an option."""
    return new_project(
        package="names_and_groups",
        nodes="""
        NODES = [
            node(first, "params:it's", "a.b", name="load_a", tags="group.load"),
            node(first, "a.b", "a_b", name="load-a", tags="group.load"),
            node(first, "a_b", "數據", name="mlflow-start-run"),
            node(first, "數據", "x", name="1st_step"),
            node(first, "x", "y", name="import"),
            node(first, "y", "z"),
        ]
        """,
        parameters={"it's": "$(touch x) `date` '\"\n{{$.pipeline_job_name}} 🚀"},
        run_config={
            "caching": True,
            "grouping": {"cls": "kedro_vertexai.grouping.TagNodeGrouper"},
            "network": {"host_aliases": [{"ip": "10.0.0.7", "hostnames": ["mlflow.internal"]}]},
            "dynamic_config_providers": [{"cls": "my_project.Provider", "params": {"key": "x"}}],
            "resources": {"__default__": {"cpu": None, "memory": None}, "load": {"cpu": 2}},
        },
    )


def on_exit(new_project: NewProject) -> KedroProject:
    """A pipeline at the end, which is told how the job ended, and caching by name."""
    return new_project(
        package="notified",
        nodes="""
        PIPELINES = {
            "__default__": Pipeline([
                node(first, "params:rows", "table", name="make_table"),
                node(first, "table", "report", name="write_report"),
            ]),
            "notify": Pipeline([
                node(first, ["params:vertexai_job", "params:channel"], "message", name="tell"),
            ]),
        }
        """,
        parameters={"rows": 100, "channel": "#forecasts"},
        catalog="""
        message:
          type: json.JSONDataset
          filepath: data/message.json
        """,
        mlflow=MLFLOW,
        run_config={"on_exit_pipeline": "notify", "caching": {"make_table": True}},
    )


def spaceflights(new_project: NewProject) -> KedroProject:
    """A project that nobody wrote around these tests, with a vertexai.yml as `init` writes it."""
    project = new_project(directory="spaceflights", package="spaceflights")
    shutil.rmtree(project.path)
    shutil.copytree(TESTS / "projects" / "spaceflights", project.path)
    init_project(project.path, "my-project", "europe-west1", force=False)
    return project


@pytest.mark.parametrize("described", [two_nodes, tracked, names_and_groups, on_exit, spaceflights])
def test_the_spec_is_the_golden_one(
    described: Callable[[NewProject], KedroProject],
    new_project: NewProject,
    pytestconfig: pytest.Config,
) -> None:
    text = render_spec(described(new_project).spec(), as_json=False)
    golden = GOLDEN / f"{described.__name__}.yaml"
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
