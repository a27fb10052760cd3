"""MLflow's own list of the runs that are active in this process."""

from __future__ import annotations

from typing import Any

import mlflow


def let_go() -> None:
    """Take the newest active run off the list, and leave its status as it is.

    `mlflow.end_run` would set one, and MLflow has no public function that sets none: a task that
    ends late would change the status of a run that has been closed meanwhile. What `end_run` does
    besides is done here, too (mlflow.tracking.fluent, 3.4 to 3.17).
    """
    from mlflow.tracking import fluent

    runs: Any = fluent._active_run_stack
    run_id = runs.get().pop().info.run_id
    mlflow.flush_async_logging()
    if monitor := fluent.run_id_to_system_metrics_monitor.pop(run_id, None):
        monitor.finish()
