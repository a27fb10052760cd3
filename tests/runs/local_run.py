"""A `kedro vertexai run-once --target local` and everything that it left."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from project_factory import KedroProject

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

# What Python and MLflow leave beside a project's own files, whoever runs it.
_BY_PRODUCTS = ("__pycache__", ".vertexai")


@dataclass(frozen=True)
class LocalRun:
    """A run that ended; `job` is its directory."""

    project: KedroProject
    exit_code: int
    printed: str
    job: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        """What `job.json` says."""
        return json.loads((self.job / "job.json").read_text(encoding="utf-8"))

    @property
    def state(self) -> str:
        return str(self.record["state"])

    @cached_property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """The tasks by display name: a node's own name."""
        return {task["display_name"]: task for task in self.record["tasks"]}

    def states(self) -> dict[str, str]:
        return {name: task["state"] for name, task in self.tasks.items()}

    def log(self, task: str) -> str:
        return Path(self.tasks[task]["log_path"]).read_text(encoding="utf-8", errors="replace")

    def output(self, name: str) -> Path:
        """Where a user finds a dataset of this run: by its name, with its file's suffix."""
        return self.job / "outputs" / name

    def outputs_by_path(self) -> dict[str, Path]:
        """Every file or directory the run left, by the path it has in the catalog."""
        return {
            output["metadata"]["path"]: Path(output["uri"])
            for task in self.record["tasks"]
            for output in task["outputs"].values()
            if "path" in output["metadata"] and not output["metadata"].get("absent")
        }

    def mlflow_run(self) -> Run:
        """The one MLflow run that carries this job's id."""
        runs = [
            run
            for run in mlflow_runs(self.project.path / ".vertexai" / "mlflow.db")
            if run.data.tags.get("vertexai_run_id") == self.record["job_id"]
        ]
        assert len(runs) == 1
        return runs[0]


def run_once(
    project: KedroProject, *arguments: str, env: dict[str, str] | None = None, kedro_env: str = ""
) -> LocalRun:
    """Run the project as its user does, and wait."""
    group = ("-e", kedro_env) if kedro_env else ()
    before = _jobs(project)
    done = project.kedro(
        "vertexai", *group, "run-once", "--target", "local", *arguments, env=env, timeout=300
    )
    new = _jobs(project) - before
    assert len(new) == 1, done.stdout + done.stderr
    return LocalRun(project, done.returncode, done.stdout + done.stderr, new.pop())


def kedro_run(project: KedroProject, *arguments: str, env: dict[str, str] | None = None) -> None:
    """What the user compares with: the same on a laptop, without us."""
    done = project.kedro("run", "--env", "local", *arguments, env=env, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def mlflow_client(database: Path) -> MlflowClient:
    from mlflow.tracking import MlflowClient

    # The registry, too: another test of this process may have named one.
    return MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")


def mlflow_runs(database: Path) -> list[Run]:
    """Every run of a store, whatever its experiment."""
    client = mlflow_client(database)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments))


def artifacts_of(run: Run) -> Path:
    """The directory of what the run logged as artifacts."""
    uri = urlsplit(run.info.artifact_uri)
    return Path(unquote(uri.path) if uri.scheme == "file" else run.info.artifact_uri)


def files_of(directory: Path) -> dict[str, bytes]:
    """The user's own files below a directory, by relative path."""
    return {
        file.relative_to(directory).as_posix(): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not set(file.relative_to(directory).parts) & set(_BY_PRODUCTS)
    }


def ends(pid: int) -> bool:
    """Whether a process is gone, or at once will be: init collects it a moment after its end."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _jobs(project: KedroProject) -> set[Path]:
    return set((project.path / ".vertexai" / "jobs").glob("*"))
