"""One task in a fresh process, as in a container, to `kedro run --nodes` of the same node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, interleaved, process_cpu, python, ratio, scratch
from benchmarks.projects import starter

# It reads a file, a parameter, and writes an object that another task reads.
_NODE = "train.logistic.fit"
_START = "mlflow-start-run"
_RUNTIME = ("-m", "kedro_vertexai.runtime")
_IDENTITY = {
    "{{$.pipeline_job_name}}": "bench-job",
    "{{$.pipeline_job_uuid}}": "5f1e0d5c-0000-4000-8000-000000000000",
}


def run() -> list[Result]:
    kedro = python("-m", "kedro")
    with scratch() as directory:
        project = starter(directory)
        process_cpu([*kedro, "run"], project)
        process_cpu([*kedro, "vertexai", "compile", "-o", "spec.json"], project)
        engine = Engine(project, json.loads((project / "spec.json").read_text(encoding="utf-8")))
        run = engine.start_mlflow_run()
        task = engine.command(_NODE, run)
        seconds = interleaved(
            {
                "ours": lambda: process_cpu(task, project),
                "kedro": lambda: process_cpu([*kedro, "run", "--nodes", _NODE], project),
            }
        )
    subject = "a task in a fresh process, to kedro run --nodes"
    return [ratio(subject, seconds["ours"], seconds["kedro"], 1.0)]


class Engine:
    """Does for one task what an engine does: finds its inputs and writes its executor input."""

    def __init__(self, project: Path, spec: dict[str, Any]) -> None:
        self._project = project
        self._spec = spec
        self.artifacts = project.parent / "artifacts"
        dags = [part["dag"]["tasks"] for part in spec["components"].values() if "dag" in part]
        self._tasks = {
            task["taskInfo"]["name"]: task
            for tasks in (spec["root"]["dag"]["tasks"], *dags)
            for task in tasks.values()
        }

    def start_mlflow_run(self) -> str:
        """Run the first task; return its output, which every other task is given."""
        process_cpu(self.command(_START, ""), self._project)
        component = self._spec["components"][self._tasks[_START]["componentRef"]["name"]]
        (key,) = component["outputDefinitions"]["parameters"]
        output = self.artifacts / _START / str(key)
        return output.read_text(encoding="utf-8")

    def command(self, name: str, run: str) -> list[str]:
        """The command line of a task, its container's arguments filled in."""
        task = self._tasks[name]
        component = self._spec["components"][task["componentRef"]["name"]]
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label]["container"]
        document = json.dumps(self._executor_input(name, task, component, run))
        arguments = [document if value == "{{$}}" else value for value in container["args"]]
        return python(*_RUNTIME, *arguments)

    def _executor_input(
        self, name: str, task: dict[str, Any], component: dict[str, Any], run: str
    ) -> dict[str, Any]:
        place = self.artifacts / name
        place.mkdir(parents=True, exist_ok=True)
        values = {
            key: self._value(source, run) for key, source in task["inputs"]["parameters"].items()
        }
        outputs = component.get("outputDefinitions", {})
        return {
            "inputs": {
                "parameterValues": values,
                "artifacts": {
                    key: _artifact(key, self._file(key, values))
                    for key in task["inputs"].get("artifacts", {})
                },
            },
            "outputs": {
                "parameters": {
                    key: {"outputFile": str(place / key)} for key in outputs.get("parameters", {})
                },
                "artifacts": {
                    key: _artifact(key, place / key) for key in outputs.get("artifacts", {})
                },
                "outputFile": str(place / "executor_output.json"),
            },
        }

    def _value(self, source: dict[str, Any], run: str) -> Any:
        if "runtimeValue" in source:
            constant = source["runtimeValue"]["constant"]
            return _IDENTITY.get(constant, constant)
        if "componentInputParameter" in source:
            inputs = self._spec["root"]["inputDefinitions"]["parameters"]
            return inputs[source["componentInputParameter"]]["defaultValue"]
        return run

    def _file(self, key: str, values: dict[str, Any]) -> Path:
        """An input artifact: a copy of the file that `kedro run` left."""
        document = json.loads(values["kedro__task"])
        artifact = self.artifacts / key
        shutil.copyfile(self._project / document["inputs"][key]["path"], artifact)
        return artifact


def _artifact(key: str, path: Path) -> dict[str, Any]:
    return {"artifacts": [{"name": key, "uri": str(path), "metadata": {}}]}
