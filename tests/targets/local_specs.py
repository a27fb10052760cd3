"""Small pipeline specs, written by hand as the compiler would, and a reporter that remembers."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro_vertexai.targets.local import JobResult, LocalOptions, TaskResult, run_job

PRELUDE = """\
import json, os, pathlib, sys, time
given = json.loads(sys.argv[1])
parameters = given["inputs"]["parameterValues"]
def source(key):
    return pathlib.Path(given["inputs"]["artifacts"][key]["artifacts"][0]["uri"])
def target(key):
    return pathlib.Path(given["outputs"]["artifacts"][key]["artifacts"][0]["uri"])
def give(key, value):
    text = value if isinstance(value, str) else json.dumps(value)
    pathlib.Path(given["outputs"]["parameters"][key]["outputFile"]).write_text(text)
def tell(**output):
    pathlib.Path(given["outputs"]["outputFile"]).write_text(json.dumps(output))
"""


def constant(value: Any) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def outer(key: str) -> dict[str, Any]:
    return {"componentInputParameter": key}


def parameter_of(task: str, key: str) -> dict[str, Any]:
    return {"taskOutputParameter": {"producerTask": task, "outputParameterKey": key}}


def artifact_of(task: str, key: str) -> dict[str, Any]:
    return {"taskOutputArtifact": {"producerTask": task, "outputArtifactKey": key}}


def final_status_of(task: str) -> dict[str, Any]:
    return {"taskFinalStatus": {"producerTask": task}}


@dataclass
class SpecBuilder:
    """Collects tasks; `spec` puts them into one DAG, or into a sub-DAG with an exit handler."""

    tasks: dict[str, Any] = field(default_factory=dict)
    components: dict[str, Any] = field(default_factory=dict)
    executors: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    exit_handler: dict[str, Any] | None = None

    def parameter(self, name: str, kind: str, **fields: Any) -> "SpecBuilder":
        self.parameters[name] = {"parameterType": kind, **fields}
        return self

    def run(
        self,
        name: str,
        code: str = "pass",
        *,
        parameters: dict[str, Any] | None = None,
        types: dict[str, str] | None = None,
        artifacts: dict[str, Any] | None = None,
        gives: dict[str, str] | None = None,
        writes: tuple[str, ...] = (),
        argv: list[str] | None = None,
        env: dict[str, str] | None = None,
        **task: Any,
    ) -> "SpecBuilder":
        """Add a container task that runs Python code after the prelude."""
        types = types or {}
        parameters = parameters or {}
        artifacts = artifacts or {}
        self.components[f"comp-{name}"] = {
            "executorLabel": f"exec-{name}",
            "inputDefinitions": {
                "parameters": {
                    key: {"parameterType": types.get(key, "STRING")} for key in parameters
                },
                "artifacts": {key: {"artifactType": _type("system.Dataset")} for key in artifacts},
            },
            "outputDefinitions": {
                "parameters": {key: {"parameterType": kind} for key, kind in (gives or {}).items()},
                "artifacts": {key: {"artifactType": _type("system.Dataset")} for key in writes},
            },
        }
        container = {
            "image": "image",
            "command": argv or ["python", "-c", PRELUDE + code, "{{$}}"],
            "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        }
        self.executors[f"exec-{name}"] = {"container": container}
        self.tasks[name] = {
            "taskInfo": {"name": task.pop("display_name", name)},
            "componentRef": {"name": f"comp-{name}"},
            "inputs": {"parameters": parameters, "artifacts": artifacts},
            **task,
        }
        return self

    def importer(self, name: str, uri: str, **metadata: Any) -> "SpecBuilder":
        self.components[f"comp-{name}"] = {
            "executorLabel": f"exec-{name}",
            "outputDefinitions": {
                "artifacts": {"artifact": {"artifactType": _type("system.Artifact")}}
            },
        }
        importer = {"artifactUri": {"constant": uri}, "typeSchema": _type("system.Artifact")}
        if metadata:
            importer["metadata"] = metadata
        self.executors[f"exec-{name}"] = {"importer": importer}
        self.tasks[name] = {
            "taskInfo": {"name": name},
            "componentRef": {"name": f"comp-{name}"},
        }
        return self

    def finish(self, code: str, **fields: Any) -> "SpecBuilder":
        """Add the exit handler; it finds the final status in `status`."""
        outside, self.tasks = self.tasks, {}
        self.run(
            "finish",
            'status = parameters["status"]\n' + code,
            parameters={"status": final_status_of("exit-handler-1")},
            types={"status": "TASK_FINAL_STATUS"},
            dependentTasks=["exit-handler-1"],
            triggerPolicy={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            **fields,
        )
        self.exit_handler, self.tasks = self.tasks, outside
        return self

    def spec(self) -> dict[str, Any]:
        tasks, components = self.tasks, dict(self.components)
        if self.exit_handler is not None:
            inputs = {"parameters": self.parameters} if self.parameters else {}
            components["comp-exit-handler-1"] = {
                "dag": {"tasks": self.tasks},
                "inputDefinitions": inputs,
            }
            sub_dag = {
                "taskInfo": {"name": "exit-handler-1"},
                "componentRef": {"name": "comp-exit-handler-1"},
                "inputs": {"parameters": {key: outer(key) for key in self.parameters}},
            }
            tasks = {"exit-handler-1": sub_dag, **self.exit_handler}
        return {
            "pipelineInfo": {"name": "hand-made"},
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.17.0",
            "root": {
                "dag": {"tasks": tasks},
                "inputDefinitions": {"parameters": self.parameters},
            },
            "components": components,
            "deploymentSpec": {"executors": self.executors},
        }


def _type(title: str) -> dict[str, str]:
    return {"schemaTitle": title, "schemaVersion": "0.0.1"}


@dataclass
class Recorder:
    """A reporter that remembers."""

    events: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    finished: JobResult | None = None

    def job_started(self, job: JobResult) -> None:
        self.events.append(("job", job.state))

    def task_changed(self, task: TaskResult) -> None:
        self.events.append((task.name, task.state))

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def job_finished(self, job: JobResult) -> None:
        self.finished = job


def run(
    builder: SpecBuilder,
    project: Path,
    job_name: str = "job",
    recorder: Recorder | None = None,
    values: dict[str, Any] | None = None,
    **options: Any,
) -> JobResult:
    return run_job(
        builder.spec(),
        job_name=job_name,
        project_path=project,
        parameter_values=values or {},
        options=LocalOptions(**options),
        reporter=recorder or Recorder(),
    )


def by_name(job: JobResult) -> dict[str, TaskResult]:
    return {task.name: task for task in job.tasks}


def states(job: JobResult) -> dict[str, str]:
    return {task.name: task.state for task in job.tasks}


def is_gone(pid: int) -> bool:
    """Wait a little for the end of a process that is no child of ours."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # An orphan stays a zombie where nothing adopts and reaps it.
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "State:\tZ" in status.read_text():
            return True
        time.sleep(0.02)
    return False
