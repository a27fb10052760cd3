"""A random Kedro project as plain data, and how it is written to disk."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

import planted_breaks
import project_datasets
import project_values
from dataset_kinds import KINDS, Kind
from kept_data import Content, Writer, file_bytes, unpickled
from project_factory import KedroProject, write_project

PACKAGE = "generated"
WATCHED = "watched"
WATCHED_PATH = f"data/{WATCHED}.json"

GROUPING = {"cls": "kedro_vertexai.grouping.TagNodeGrouper", "params": {"tag_prefix": "group."}}
CATCH_ALL = {
    "{default}": {
        "type": "pickle.PickleDataset",
        "filepath": "data/{default}.pkl",
        "backend": "cloudpickle",
    }
}
# kedro-mlflow, where it is installed, opens a store for any project that does not refuse it.
_SETTINGS = 'DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")\n'
_PLANT = f"from {PACKAGE} import breaks\n\nbreaks.{{}}()\n"
# The project's own modules, whose sources are ours.
_MODULES = {"values": project_values, "datasets": project_datasets, "breaks": planted_breaks}
_WATCHED_ENTRY = {WATCHED: {"type": "json.JSONDataset", "filepath": WATCHED_PATH}}


@dataclass(frozen=True)
class GeneratedDataset:
    """A dataset of one kind of KINDS; `make` is empty for raw data.

    The project's last node reads what is `watched`, so that a value that leaves no file is
    seen too.
    """

    name: str
    kind: str
    make: str = ""
    watched: bool = True

    @property
    def its_kind(self) -> Kind:
        return KINDS[self.kind]

    def filled(self, template: Any, outside: str = "") -> Any:
        """A kind's template, or data full of them, for this dataset."""
        if isinstance(template, Mapping):
            return {
                self.filled(key, outside): self.filled(value, outside)
                for key, value in template.items()
            }
        if isinstance(template, tuple):
            return [self.filled(item, outside) for item in template]
        if not isinstance(template, str):
            return template
        names = {"name": self.name, "outside": outside}
        path = Template(self.its_kind.path).substitute(names)
        return Template(template).substitute(names, path=path)


@dataclass(frozen=True)
class GeneratedNode:
    """A node; `inputs` are names of datasets, `group` that of the task it shares, if any."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[GeneratedDataset, ...]
    group: str = ""


@dataclass(frozen=True)
class GeneratedProject:
    """Raw data and nodes, in an order in which they can run."""

    raw: tuple[GeneratedDataset, ...]
    nodes: tuple[GeneratedNode, ...]
    catch_all: bool = False
    """Whether a pattern makes a file of what the catalog does not name."""

    @cached_property
    def datasets(self) -> dict[str, GeneratedDataset]:
        written = (dataset for node in self.nodes for dataset in node.outputs)
        return {dataset.name: dataset for dataset in (*self.raw, *written)}

    def write(self, path: Path, outside: Path, planted: str = "") -> KedroProject:
        """Write the project, and its raw data there and into the directory `outside`.

        A function of `planted_breaks` is called by the project's settings, which every process
        of a run imports.
        """
        project = write_project(
            path,
            package=PACKAGE,
            nodes=self._nodes_module(),
            catalog=self._catalog(outside),
            run_config={"grouping": GROUPING},
            settings=_SETTINGS + (_PLANT.format(planted) if planted else ""),
            files={
                f"src/{PACKAGE}/{name}.py": inspect.getsource(module)
                for name, module in _MODULES.items()
            },
        )
        outside.mkdir()
        for location, write, seed in self._raw_data(outside):
            (path / location).parent.mkdir(parents=True, exist_ok=True)
            write(path / location, seed)
        return project

    def kept(self, outside: Path) -> dict[str, Content]:
        """By path, as the catalog has it, how to read what nodes leave."""
        kept: dict[str, Content] = {WATCHED_PATH: file_bytes}
        for dataset in (output for node in self.nodes for output in node.outputs):
            kind = dataset.its_kind
            places = dict(kind.also_kept)
            if kind.content:
                places["$path"] = kind.content
            if self.catch_all:
                places |= {f"data/{name}.pkl": unpickled for name in kind.undeclared}
            kept |= dataset.filled(places, str(outside))
        return kept

    def _catalog(self, outside: Path) -> dict[str, Any]:
        catalog = dict(_WATCHED_ENTRY)
        for dataset in self.datasets.values():
            catalog |= dataset.filled(dataset.its_kind.entries, str(outside))
        return {**catalog, **(CATCH_ALL if self.catch_all else {})}

    def _raw_data(self, outside: Path) -> Iterator[tuple[str, Writer, str]]:
        """What is there before the run: where, what writes it, and its seed."""
        for dataset in self.datasets.values():
            kind = dataset.its_kind
            if kind.raw and not dataset.make:
                yield dataset.filled(kind.path, str(outside)), kind.raw, dataset.name
            for location, write in kind.seeds.items():
                yield dataset.filled(location, str(outside)), write, dataset.name

    def _nodes_module(self) -> str:
        nodes = ",\n    ".join([*map(self._node, self.nodes), self._watcher()])
        return f"from {PACKAGE}.values import step, stream, watch\n\nNODES = [\n    {nodes},\n]\n"

    def _node(self, node: GeneratedNode) -> str:
        makers, reads, writes, confirms = [], self._reads(node.inputs), [], []
        for output in node.outputs:
            kind = output.its_kind
            reads += output.filled(kind.writer_reads)
            writes += output.filled(kind.writes)
            confirms += output.filled(kind.writer_confirms)
            makers += [output.make, *["text"] * (len(kind.writes) - 1)]
        function = "stream" if node.outputs[0].its_kind.streams else "step"
        tags = [f"group.{node.group}"] if node.group else []
        call = ", ".join(map(repr, [node.name, *makers]))
        return (
            f"node({function}({call}), {reads}, {writes}, name={node.name!r}, "
            f"tags={tags}, confirms={confirms})"
        )

    def _watcher(self) -> str:
        names = [name for name, dataset in self.datasets.items() if dataset.watched]
        reads = self._reads(names)
        return f"node(watch(*{reads}), {reads}, {WATCHED!r}, name={WATCHED!r})"

    def _reads(self, names: Iterable[str]) -> list[str]:
        return [
            entry
            for name in names
            for entry in self.datasets[name].filled(self.datasets[name].its_kind.reads)
        ]
