"""The user's project: made from the starter, set up for the world of these tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asking import AUDIENCE
from user import Done, User, digests, merge_yaml

NAME = "Tumour Diagnosis"
_SIGNING = {
    "type": "kedro_vertexai.auth.gcp.MLFlowGoogleOauthRequestHeaderProvider",
    "pass_context": True,
    "init_kwargs": {"client_id": AUDIENCE},
}


@dataclass(frozen=True)
class Project:
    """A Kedro project and its owner."""

    path: Path
    user: User

    def kedro(self, *words: str, timeout: float = 600) -> Done:
        """Run one of Kedro's commands in it."""
        return self.user.kedro(*words, where=self.path, timeout=timeout)

    def vertexai(self, *words: str, timeout: float = 600) -> Done:
        """Run one of ours; it must succeed."""
        done = self.kedro("vertexai", *words, timeout=timeout)
        assert done.code == 0, done.printed
        return done

    def copy(self, path: Path, user: User | None = None) -> Project:
        """The same project in another place, for another user."""
        ignored = shutil.ignore_patterns(".vertexai", "__pycache__")
        shutil.copytree(self.path, path, ignore=ignored)
        return Project(path, user or self.user)

    def outputs(self) -> dict[str, str]:
        """The digest of each file below `data/` that is no raw input, by path."""
        found = digests(self.path / "data")
        kept = {name for name in found if not name.startswith("01_raw") and ".gitkeep" not in name}
        return {f"data/{name}": found[name] for name in sorted(kept)}

    def local_jobs(self) -> list[Path]:
        """Directories of the jobs that ran on this machine, the newest last."""
        return sorted(
            (self.path / ".vertexai" / "jobs").glob("*"), key=lambda path: path.stat().st_mtime
        )

    def last_local_job(self) -> dict[str, Any]:
        """What the newest of them says of itself."""
        record: dict[str, Any] = json.loads((self.local_jobs()[-1] / "job.json").read_text("utf-8"))
        return record

    def configure(self, **run_config: Any) -> None:
        """Change keys of `run_config`."""
        merge_yaml(self.path / "conf/base/vertexai.yml", {"run_config": run_config})


def new_project(user: User, where: Path, mlflow_url: str, root: str) -> Project:
    """Make a project as a user does, and give it a bucket and an MLflow server.

    Args:
        user: its owner.
        where: directory to make it in.
        mlflow_url: of the server, which wants signed requests.
        root: of `run_config`.
    """
    done = user.kedro("new", "--starter=vertexai", f"--name={NAME}", where=where)
    assert done.code == 0, done.printed
    project = Project(where / "tumour-diagnosis", user)
    project.vertexai("init", "my-project", "europe-west1", "--with-docker")
    # It adds what is missing, and leaves our Dockerfile as it is.
    done = project.kedro("docker", "init")
    assert done.code == 0, done.printed
    # The starter's tasks need less memory, but their limits count when it is shared.
    project.configure(root=root, resources={"__default__": {"cpu": 2, "memory": "1Gi"}})
    server: Mapping[str, Any] = {
        "mlflow_tracking_uri": mlflow_url,
        "request_header_provider": _SIGNING,
    }
    merge_yaml(project.path / "conf/base/mlflow.yml", {"server": server})
    return project
