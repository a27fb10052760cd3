"""MLflow's own list of the runs that are active in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def let_go() -> None:
    """Take the newest active run off the list, and leave its status as it is.

    `mlflow.end_run` would set one, and MLflow has no public function that sets none: a task that
    ends late would change the status of a run that has been closed meanwhile. What `end_run` does
    besides is done here, too (mlflow.tracking.fluent, 3.4 to 3.17).
    """
    import mlflow
    from mlflow.tracking import fluent

    runs: Any = fluent._active_run_stack
    run_id = runs.get().pop().info.run_id
    mlflow.flush_async_logging()
    if monitor := fluent.run_id_to_system_metrics_monitor.pop(run_id, None):
        monitor.finish()


@contextmanager
def on_another_server() -> Iterator[None]:
    """Let MLflow be pointed elsewhere within this block, though a run is active.

    A run that the project has started, and what is logged into it, is on the server that MLflow
    was pointed at then.
    """
    mlflow: Any = sys.modules.get("mlflow")
    # Without it none can be active; one that begins within the block is where it points then.
    if mlflow is None or not mlflow.active_run():
        yield
        return
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])
