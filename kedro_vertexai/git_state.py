"""The commit that a project's working tree is at, for the run that is started from it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from kedro_vertexai.plan.model import Plan

# Seconds; a tree so large that git needs longer goes without.
_PATIENCE = 10


@dataclass(frozen=True)
class GitState:
    """`dirty` says whether the tree differs from the commit, new files included."""

    commit: str
    dirty: bool


def git_state(project_path: Path) -> GitState | None:
    """The state of the project's own directory; None without git, or outside a repository."""
    commit = _git(project_path, "rev-parse", "HEAD")
    changes = _git(project_path, "status", "--porcelain", "--", ".")
    if commit is None or changes is None:
        return None
    return GitState(commit.strip(), bool(changes.strip()))


def at_commit(plan: Plan, state: GitState | None) -> Plan:
    """The plan of a run that is started from this working tree: its MLflow run tells the commit.

    What is only compiled is not, and stays the same whatever the working tree is at.
    """
    return replace(plan, commit=state.commit, is_dirty=state.dirty) if state else plan


def _git(directory: Path, *arguments: str) -> str | None:
    # Optional locks would be in the way of the user's own git commands.
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
