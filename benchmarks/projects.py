"""The Kedro projects that are measured: one from our starter, and pipelines of any size."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from kedro.pipeline import Node, Pipeline

from benchmarks.measure import process_cpu, python
from kedro_vertexai.catalog import describe_datasets
from kedro_vertexai.config import PluginConfig, parse_config
from kedro_vertexai.project import Node as ProjectNode
from kedro_vertexai.project import Project, flatten_parameters

SHAPES = ("chain", "layered")
# In a layered pipeline, nodes per layer and how many of the layer before each one reads.
_WIDTH = 10
_FAN_IN = 3
# One dataset of so many lies on the disk, as the catalog says; the others are objects.
_FILE_EVERY = 5


def starter(directory: Path) -> Path:
    """A project of our starter, with its `vertexai.yml` as `init` writes it."""
    kedro = python("-m", "kedro")
    process_cpu([*kedro, "new", "--starter=vertexai", "--name", "Bench Starter"], directory)
    project = directory / "bench-starter"
    process_cpu([*kedro, "vertexai", "init", "bench-project", "europe-west1"], project)
    return project


def pipeline(size: int, shape: str) -> Pipeline:
    """A pipeline of `size` nodes that all run in some order: one line, or layers."""
    generator = random.Random(size)
    nodes = []
    for index in range(size):
        inputs = _parents(index, shape, generator)
        nodes.append(
            Node(
                _work,
                [*(f"table_{parent:05}" for parent in inputs), "params:options"],
                f"table_{index:05}",
                name=f"step_{index:05}",
                tags=[f"part-{index % 7}"],
            )
        )
    return Pipeline(nodes)


def _parents(index: int, shape: str, generator: random.Random) -> list[int]:
    if shape == "chain":
        return [index - 1] if index else []
    layer = index // _WIDTH
    before = range((layer - 1) * _WIDTH, layer * _WIDTH)
    return sorted(generator.sample(before, _FAN_IN)) if layer else []


def _work(*values: Any) -> Any:
    return values


def catalog(size: int) -> dict[str, Any]:
    """The catalog of such a pipeline, as Kedro's configuration loader gives it."""
    return {
        f"table_{index:05}": {
            "type": "kedro.io.CachedDataset",
            "dataset": {"type": "pickle.PickleDataset", "filepath": f"data/{index:05}.pkl"},
        }
        for index in range(0, size, _FILE_EVERY)
    }


def read(
    found: Pipeline,
    entries: dict[str, Any],
    parameters: dict[str, Any],
    *,
    tracked: bool = True,
) -> Project:
    """What `read_project` makes of a pipeline and a configuration that Kedro has loaded."""
    path = Path.cwd()
    nodes = tuple(
        ProjectNode(node.name, frozenset(node.tags), tuple(node.inputs), tuple(node.outputs))
        for node in found.nodes
    )
    names = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    return Project(
        path=path,
        package="bench_project",
        env="local",
        pipeline="__default__",
        nodes=nodes,
        datasets=describe_datasets(entries, names, path),
        parameters=flatten_parameters(parameters),
        tracked=tracked,
        node_dependencies=found.node_dependencies,
    )


def vertexai_config() -> PluginConfig:
    """A `vertexai.yml` that says something of every node: by name, by tag and by default."""
    return parse_config(
        {
            "project_id": "bench-project",
            "region": "europe-west1",
            "run_config": {
                "image": "europe-west1-docker.pkg.dev/bench-project/images/bench:latest",
                "root": "bench-bucket/runs",
                "resources": {
                    "__default__": {"cpu": "1", "memory": "2Gi"},
                    "part-3": {"cpu": "4"},
                    "step_00004": {"memory": "16Gi"},
                },
                "retries": {"__default__": {"count": 1}},
            },
        },
        "vertexai.yml",
    )
