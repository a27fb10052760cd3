"""What a task asks of the MLflow server, beside what its nodes log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_run import run_once
from mlflow_proxy import MlflowProxy
from project_factory import KedroProject

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
            "server": {"mlflow_tracking_uri": proxy.url},
            "tracking": {
                "experiment": {"name": "counted"},
                "params": {"dict_params": {"flatten": True}},
            },
        },
    )
    run = run_once(project)
    assert run.exit_code == 0, run.printed
    assert len(run.tasks) == 32
    counted = Counter(f"{seen.method} {seen.path}" for seen in proxy.seen)
    print("requests:", len(proxy.seen), dict(counted))
    assert len(proxy.seen) <= 20 * len(run.tasks)
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
