"""What tasks are called while a job is followed whose plan nobody has: rerun, template, status."""

from __future__ import annotations

from collections.abc import Callable

from project_factory import MLFLOW, KedroProject

from kedro_vertexai.targets.vertex.spec_tasks import task_titles

NODES = """
NODES = [
    node(first, "params:start", "a", name="z.first"),
    node(first, "a", "b", name="m_second"),
    node(first, "b", "c", name="a.third"),
]
"""


def test_nodes_have_their_own_names_in_the_order_of_a_run(
    new_project: Callable[..., KedroProject],
) -> None:
    project = new_project(nodes=NODES, parameters={"start": 1}, mlflow=MLFLOW)
    assert list(task_titles(project.spec()).items()) == [
        ("mlflow-start-run", "mlflow-start-run"),
        ("z-first", "z.first"),
        ("m-second", "m_second"),
        ("a-third", "a.third"),
        ("mlflow-finish-run", "mlflow-finish-run"),
    ]


def test_a_spec_that_is_not_ours_is_read_alike() -> None:
    assert task_titles({}) == {}
    spec = {"root": {"dag": {"tasks": {"train": {"componentRef": {"name": "comp-train"}}}}}}
    assert task_titles(spec) == {"train": "train"}
