"""The runtime's commands, called as an engine calls them: with an executor input."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project_factory import KedroProject, inherited

from kedro_vertexai.task_inputs import JOB, JOB_ID, JOB_NAME, RUN, STATUS, TASK, TRACKING

# Settings of a project that has a run of its own, wherever that is.
STARTS_A_RUN = """
    import os

    if os.environ.get("OWN_RUN"):
        import mlflow

        mlflow.set_tracking_uri(os.environ["OWN_SERVER"])
        mlflow.start_run(run_id=os.environ["OWN_RUN"])
"""


@dataclass(frozen=True)
class OwnRun:
    """A run on a server that only the project knows."""

    id: str
    client: Any
    server: str

    @property
    def env(self) -> dict[str, str]:
        """With which `STARTS_A_RUN` starts it."""
        return {"OWN_RUN": self.id, "OWN_SERVER": self.server}

    def now(self) -> Any:
        """The run as it is on its server."""
        return self.client.get_run(self.id)


@dataclass(frozen=True)
class Done:
    """What a container left; `line` is the last on standard error: what an engine shows."""

    code: int
    log: str
    parameters: dict[str, Any]

    @property
    def line(self) -> str:
        return self.log.strip().splitlines()[-1]


@dataclass(frozen=True)
class Engine:
    """An engine that runs one job of a project; `env` is that of every container."""

    project: KedroProject
    folder: Path
    job_id: str = "job-1"
    job_name: str = "job"
    tracking: Mapping[str, Any] | None = None
    env: Mapping[str, str] | None = None

    def start(self, **parameters: Any) -> Done:
        return self.popen("mlflow-start-run", JOB, self._own(parameters))()

    def starting(self) -> Any:
        """A start that goes on; to be called for its end."""
        return self.popen("mlflow-start-run", JOB, self._own({}))

    def task(self, node: str, job: Mapping[str, Any]) -> Done:
        return self.running_task([node], job)()

    def running_task(self, nodes: list[str], job: Mapping[str, Any]) -> Any:
        """A task of these nodes that goes on; to be called for its end."""
        told = {TASK: json.dumps({"nodes": nodes}), JOB: json.dumps(job)}
        return self.popen("task", "", told)

    def finish(self, status: Any) -> Done:
        return self.popen("mlflow-finish-run", RUN, self._own({STATUS: status}))()

    def finish_after(self, pipeline: str, task: Mapping[str, Any], status: Any) -> Done:
        """The exit handler of a job with an exit pipeline, of which `task` is the document."""
        told = self._own({STATUS: status, TASK: json.dumps(task)})
        return self.popen("mlflow-finish-run", RUN, told, "--on-exit", pipeline)()

    def popen(self, command: str, output: str, parameters: Mapping[str, Any], *options: str) -> Any:
        file = self.folder / f"{command}-{len(list(self.folder.iterdir()))}"
        file.mkdir()
        outputs = {"parameters": {output: {"outputFile": str(file / "value")}}} if output else {}
        document = {"inputs": {"parameterValues": dict(parameters)}, "outputs": outputs}
        words = [sys.executable, "-m", "kedro_vertexai.runtime", command]
        words += ["--env", "local", "--pipeline", "__default__", *options, json.dumps(document)]
        process = subprocess.Popen(
            words,
            cwd=self.project.path,
            env={**inherited(), "DO_NOT_TRACK": "1", "COLUMNS": "400", **(self.env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        def done() -> Done:
            log, _ = process.communicate(timeout=180)
            value = file / "value"
            written = {output: json.loads(value.read_text())} if value.exists() else {}
            return Done(process.returncode, log, written)

        return done

    def _own(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        tracking = json.dumps(self.tracking or {"required": True, "retry_for": 1})
        return {JOB_ID: self.job_id, JOB_NAME: self.job_name, TRACKING: tracking, **parameters}
