"""Metrics of a task that may be tried again: no point twice. Importing this imports mlflow.

MLflow keeps every point that it is sent and can delete none. Which ones an earlier attempt
has sent is known from the run as it was when this task joined it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import mlflow
from kedro_mlflow.io.metrics import (
    MlflowMetricDataset,
    MlflowMetricHistoryDataset,
    MlflowMetricsHistoryDataset,
)
from mlflow import MlflowClient

# A tag of the run: the step that an appended metric took, with the job that took it.
_STEP_TAG = "vertexai_step"
# MLflow's limits of a tag's name: mlflow.utils.validation.
_NOT_IN_A_TAG = re.compile(r"[^\w.\- /]")
_MAX_TAG_NAME = 250


class Metric(MlflowMetricDataset):  # type: ignore[misc]
    """One number. In append mode, each attempt of a task logs it at the same step.

    Args:
        dataset_name: the dataset's name in the catalog, and the metric's unless it has a key.
        job_id: the engine's id of the job.
        arguments: those of kedro-mlflow's class.
    """

    def __init__(self, *, dataset_name: str, job_id: str, **arguments: Any) -> None:
        # kedro-mlflow's hook sets the key too, and loses the mode while it does.
        key = arguments.pop("key", None) or dataset_name
        super().__init__(key=key, **arguments)
        self._dataset_name = dataset_name
        self._job_id = job_id
        self._saves = 0

    def _save(self, data: float) -> None:
        if not self._logging_activated:
            return
        earlier = earlier_points(self.run_id, self.key)
        step = self._save_args.get("step")
        if step is None and self.mode == "append":
            step = self._own_step()
        elif step is None:
            step = max(earlier, default=None)
        if step is None or not same(earlier.get(step), data):
            self._log(data, step)

    def _own_step(self) -> int:
        """The step of this save: the next one, or the one that an earlier attempt took."""
        self._saves += 1
        # A node that yields saves more than once.
        tag = _tag_name(f"{_STEP_TAG}.{self._dataset_name}.{self._saves}")
        job, _, taken = _tags(self.run_id).get(tag, "").rpartition(" ")
        if job == self._job_id and taken:
            return int(taken)
        client = MlflowClient()
        history = client.get_metric_history(self.run_id, self.key)
        step = max((point.step for point in history), default=-1) + 1
        client.set_tag(self.run_id, tag, f"{self._job_id} {step}")
        return step

    def _log(self, data: float, step: int | None) -> None:
        """As kedro-mlflow logs it, at this step; without one at the step that it finds."""
        added = step is not None and "step" not in self._save_args
        if added:
            self._save_args["step"] = step
        try:
            super()._save(data)
        finally:
            if added:
                del self._save_args["step"]


class MetricHistory(MlflowMetricHistoryDataset):  # type: ignore[misc]
    """The numbers of one metric, by step.

    Args:
        dataset_name: the dataset's name in the catalog, and the metric's unless it has a key.
        arguments: those of kedro-mlflow's class.
    """

    def __init__(self, *, dataset_name: str, **arguments: Any) -> None:
        key = arguments.pop("key", None) or dataset_name
        super().__init__(key=key, **arguments)

    def _save(self, data: Any) -> None:
        earlier = earlier_points(self.run_id, self.key) if self._logging_activated else {}
        if not earlier:
            super()._save(data)
            return
        client = MlflowClient()
        for point in self._points(data):
            if not same(earlier.get(point.get("step", 0)), point["value"]):
                client.log_metric(self.run_id, self.key, **point)

    def _points(self, data: Any) -> Iterable[dict[str, Any]]:
        """The data in the one form that the three modes have in common."""
        mode = self._save_args.get("mode", "list")
        if mode == "history":
            return data  # type: ignore[no-any-return]
        steps: Iterable[tuple[int, float]] = enumerate(data) if mode == "list" else data.items()
        return [{"step": step, "value": value} for step, value in steps]


class MetricsHistory(MlflowMetricsHistoryDataset):  # type: ignore[misc]
    """The numbers of several metrics, by step.

    Args:
        dataset_name: the dataset's name in the catalog, and the prefix unless it has one.
        arguments: those of kedro-mlflow's class.
    """

    def __init__(self, *, dataset_name: str, **arguments: Any) -> None:
        prefix = arguments.pop("prefix", None)
        super().__init__(prefix=dataset_name if prefix is None else prefix, **arguments)

    def _save(self, data: dict[str, Any]) -> None:
        super()._save(dict(self._new(data)) if self._logging_activated else data)

    def _new(self, data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The points that no earlier attempt has logged."""
        for key, value in data.items():
            full = f"{self._prefix}.{key}" if self._prefix else key
            earlier = earlier_points(self.run_id, full)
            points = value if isinstance(value, list) else [value]
            new = [p for p in points if not same(earlier.get(p["step"]), p["value"])]
            if len(new) == len(points):
                yield key, value
            elif new:
                yield key, new


def earlier_points(run_id: str | None, key: str) -> dict[int, float]:
    """By step, the last value that this metric had when the task joined the run.

    Asks the server only where the run had such a metric then: in no first attempt.
    """
    run = mlflow.active_run()
    if run_id is None or run is None:
        return {}
    if run.info.run_id == run_id and key not in run.data.metrics:
        return {}
    history = MlflowClient().get_metric_history(run_id, key)
    return {point.step: point.value for point in sorted(history, key=lambda p: p.timestamp)}


def same(one: float | None, other: float) -> bool:
    """Whether two values are one point's; not a number is like itself here."""
    if one is None:
        return False
    return one == other or (math.isnan(one) and math.isnan(other))


def _tags(run_id: str) -> dict[str, str]:
    """The run's tags when this task joined it."""
    run = mlflow.active_run()
    if run is not None and run.info.run_id == run_id:
        return dict(run.data.tags)
    return dict(MlflowClient().get_run(run_id).data.tags)


def _tag_name(name: str) -> str:
    return _NOT_IN_A_TAG.sub("_", name)[:_MAX_TAG_NAME]
