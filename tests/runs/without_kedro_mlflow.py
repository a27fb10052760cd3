"""An installation without kedro-mlflow, for processes that are started with this directory."""

from __future__ import annotations

import os
from pathlib import Path

# Python imports such a module before anything else.
SITECUSTOMIZE = """
import importlib.metadata
import sys


class AllBut:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "kedro_mlflow":
            return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


def others(**wanted):
    return (found for found in everything(**wanted) if found.metadata["Name"] != "kedro_mlflow")


everything = importlib.metadata.distributions
importlib.metadata.distributions = others
sys.meta_path[:] = map(AllBut, sys.meta_path)
"""


def without_kedro_mlflow(directory: Path) -> dict[str, str]:
    """The environment of a process that has no kedro-mlflow.

    Args:
        directory: for the module that hides it.
    """
    (directory / "sitecustomize.py").write_text(SITECUSTOMIZE)
    inherited = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": f"{directory}{os.pathsep}{inherited}"}
