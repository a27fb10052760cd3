"""A pipeline made with kedro-mlflow's `pipeline_ml_factory`, of which a task runs a part.

kedro-mlflow logs the inference pipeline as a model when the session of the whole pipeline ends.
Its class refuses to be filtered to a few nodes. So each task runs the training pipeline's, and
the last one runs a session of the whole pipeline in which no node is left to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kedro.runner import AbstractRunner

# What a task does of such a pipeline, as its document says.
TRAINING = "training"
MODEL = "model"


def train_only(name: str) -> None:
    """Let this session find the training pipeline under the name of the whole one.

    Args:
        name: of the registered pipeline; to be called before the session looks it up.
    """
    from kedro.framework.project import pipelines

    pipelines[name] = pipelines[name].training


def no_nodes() -> AbstractRunner:
    """A runner for a session after which all nodes have run: in tasks of their own."""
    from kedro.runner import AbstractRunner

    class NoNodes(AbstractRunner):
        """Runs nothing; Kedro's hooks are called all the same."""

        def _get_executor(self, max_workers: int) -> None:  # noqa: ARG002
            return None

        def _run(self, *given: object, **named: object) -> None: ...

    return NoNodes()
