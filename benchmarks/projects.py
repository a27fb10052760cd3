"""The Kedro projects that are measured: one from our starter, and generated ones of any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import process_cpu, python

SHAPES = ("chain", "layered", "hub")
# The length of one text among large parameters.
_TEXT = 500

_PYPROJECT = """\
[tool.kedro]
package_name = "{package}"
project_name = "Generated"
kedro_init_version = "1.7.0"
source_dir = "src"
"""

# Every fifth table lies on the disk, by a pattern as large projects use them.
_CATALOG = """\
raw:
  type: pickle.PickleDataset
  filepath: data/01_raw/raw.pkl

"{name}_file":
  type: pickle.PickleDataset
  filepath: data/02_intermediate/{name}.pkl
"""

# It says something of every node: by name, by tag and by default.
_VERTEXAI = """\
project_id: bench-project
region: europe-west1
run_config:
  image: europe-west1-docker.pkg.dev/bench-project/images/bench:latest
  root: bench-bucket/runs
  resources:
    __default__: {cpu: 1, memory: 2Gi}
    part-3: {cpu: 4}
    step_00004: {memory: 16Gi}
"""

_MLFLOW = """\
server:
  mlflow_tracking_uri: sqlite:///mlflow.db
"""

_REGISTRY = '''\
"""One pipeline, made in a loop."""

import random

from kedro.pipeline import Node, Pipeline

SIZE, SHAPE, READS = {size}, {shape!r}, {reads!r}
# In layers, nodes per layer and how many of the layer before each one reads.
WIDTH, FAN_IN = 10, 3


def work(*values):
    return values


def table(index):
    return f"table_{{index:05}}" + ("_file" if index % 5 == 0 else "")


def parents(index, generator):
    if SHAPE == "chain":
        return [index - 1] if index else []
    if SHAPE == "hub":
        return [0] if index else []
    layer = index // WIDTH
    return generator.sample(range((layer - 1) * WIDTH, layer * WIDTH), FAN_IN) if layer else []


def step(index, generator):
    inputs = [table(parent) for parent in parents(index, generator)] or ["raw"]
    return Node(
        work,
        [*inputs, READS.format(index=index)],
        table(index),
        name=f"step_{{index:05}}",
        tags=[f"part-{{index % 7}}"],
    )


def register_pipelines():
    generator = random.Random(SIZE)
    return {{"__default__": Pipeline([step(index, generator) for index in range(SIZE)])}}
'''


def starter(directory: Path) -> Path:
    """A project of our starter, with its `vertexai.yml` as `init` writes it."""
    kedro = python("-m", "kedro")
    process_cpu([*kedro, "new", "--starter=vertexai", "--name", "Bench Starter"], directory)
    project = directory / "bench-starter"
    process_cpu([*kedro, "vertexai", "init", "bench-project", "europe-west1"], project)
    return project


@dataclass(frozen=True)
class Generated:
    """A project with one pipeline of `size` nodes.

    Args:
        size: how many nodes.
        shape: a line; layers of ten with fan-in 3; or all reading what the first one writes.
        tracked: whether there is an `mlflow.yml`.
        parameter_bytes: of as many parameters as nodes, each; 0 for one small dictionary.
        reads: what each node reads of them, with its number as `index`.
    """

    size: int
    shape: str = "layered"
    tracked: bool = True
    parameter_bytes: int = 0
    reads: str = "params:options"

    @property
    def package(self) -> str:
        """The project's package, and the directory that it is written to."""
        size = f"{self.shape}_{self.size}_{'tracked' if self.tracked else 'untracked'}"
        return f"{size}_{self.parameter_bytes}_{self.reads.partition(':')[0]}"

    def write(self, directory: Path) -> Path:
        """Write the project below a directory and return its path."""
        project = directory / self.package
        files = {
            "pyproject.toml": _PYPROJECT.format(package=self.package),
            f"src/{self.package}/__init__.py": "",
            f"src/{self.package}/settings.py": "",
            f"src/{self.package}/pipeline_registry.py": _REGISTRY.format(
                size=self.size, shape=self.shape, reads=self.reads
            ),
            "conf/base/catalog.yml": _CATALOG,
            "conf/base/parameters.yml": self._parameters(),
            "conf/base/vertexai.yml": _VERTEXAI,
            "conf/local/.gitkeep": "",
            "data/01_raw/raw.pkl": "raw",
            **({"conf/base/mlflow.yml": _MLFLOW} if self.tracked else {}),
        }
        for name, content in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return project

    def _parameters(self) -> str:
        if not self.parameter_bytes:
            return "options: {model: {depth: 3, rate: 0.1}, columns: [a, b, c], title: null}\n"
        text = "0123456789 " * (_TEXT // 11)
        lines = []
        for index in range(self.size):
            lines.append(f"part_{index:05}:")
            lines += [f"  text_{n:03}: {text}" for n in range(self.parameter_bytes // _TEXT)]
        return "\n".join([*lines, ""])
