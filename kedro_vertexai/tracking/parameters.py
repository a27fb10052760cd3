"""Parameters on the job's run: each is logged once, however many tasks share it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kedro_vertexai.errors import TrackingError

_SECRET = re.compile(r"secret|password|passwd|token|credential|api_?key", re.IGNORECASE)
_LONGEST_SHOWN = 60


def not_yet_logged(parameters: Mapping[str, str], logged: Mapping[str, str]) -> dict[str, str]:
    """Those that the run does not have.

    Args:
        parameters: this task's, as MLflow writes them.
        logged: the run's.

    Raises:
        TrackingError: the run has another value.
    """
    for name, value in parameters.items():
        if name in logged and logged[name] != value:
            raise TrackingError(_conflict(name, logged[name], value))
    return {name: value for name, value in parameters.items() if name not in logged}


def _conflict(name: str, logged: str, value: str) -> str:
    if _SECRET.search(name):
        values = "another value than in this task"
    else:
        values = f"the value {_shown(logged)}, and in this task it is {_shown(value)}"
    return (
        f"the MLflow run has parameter '{name}' with {values}. A run has one value for each: "
        "either a resolver or a hook that reads the clock or draws a number gives it anew in "
        "each task, or tracking.run.id in mlflow.yml names the run of another job. Write the "
        f"value down, or give it to the run with --params {name}=VALUE"
    )


def _shown(value: str) -> str:
    return repr(value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}...")
