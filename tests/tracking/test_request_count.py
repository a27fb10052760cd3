"""What a task asks of the MLflow server, beside what its nodes log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_run import run_once
from mlflow_proxy import MlflowProxy
from project_factory import KedroProject

# Requests of one task, none of whose nodes logs anything itself.
MOST = 20
NODES = """
    PARAMETERS = ["params:shared", "params:nested"]
    NODES = [
        node(first, PARAMETERS, "data_0", name="node_0"),
        *(
            node(first, [f"data_{n // 2}", *PARAMETERS, f"params:own_{n}"], f"data_{n}",
                 name=f"node_{n}")
            for n in range(1, 30)
        ),
    ]
"""
# By which the proxy knows the process of a request, and so the task.
TELLS_PROCESS = """
import os

from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)


class TellsProcess(RequestHeaderProviderWithKedroContext):
    def request_headers(self):
        return {"X-Process": str(os.getpid())}
"""
PARAMETERS = {
    "shared": 1,
    "nested": {"a": 1, "b": {"c": "text"}},
    **{f"own_{number}": number for number in range(1, 30)},
}


def test_thirty_tasks_make_few_requests_and_log_each_parameter_once(
    new_project: Callable[..., KedroProject], proxy: MlflowProxy, client: Any, tmp_path: Path
) -> None:
    project = new_project(
        nodes=NODES,
        parameters=PARAMETERS,
        catalog="{}",
        mlflow={
            "server": {
                "mlflow_tracking_uri": proxy.url,
                "request_header_provider": {"type": "process_of_request.TellsProcess"},
            },
            "tracking": {
                "experiment": {"name": "counted"},
                "params": {"dict_params": {"flatten": True}},
            },
        },
        files={"src/process_of_request.py": TELLS_PROCESS},
    )
    run = run_once(project)
    assert run.exit_code == 0, run.printed
    assert len(run.tasks) == 32
    counted = Counter(seen.headers["X-Process"] for seen in proxy.seen)
    print("requests:", len(proxy.seen), sorted(counted.values()))
    assert len(counted) == len(run.tasks)
    assert max(counted.values()) <= MOST
    sent = Counter(
        param["key"]
        for seen in proxy.seen
        if seen.path == "runs/log-batch"
        for param in seen.body.get("params", [])
    )
    names = ("shared", "nested.a", "nested.b.c", *(f"own_{n}" for n in range(1, 30)))
    assert sent == dict.fromkeys(names, 1)
    assert not proxy.paths("runs/log-parameter", "runs/set-tag")
    experiment = client.get_experiment_by_name("counted")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.params["own_29"] == "29"
    assert logged.data.params["nested.b.c"] == "text"
