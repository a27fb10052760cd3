"""What a spec says once and refers to by name: containers, importers and components."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from kedro_vertexai.plan.model import Plan, Resources, Task
from kedro_vertexai.plan.quantity import quantity
from kedro_vertexai.spec.dialect import Dialect
from kedro_vertexai.spec.task_document import exact_json

Json = dict[str, Any]


class Registry:
    """Named entries of which equal ones are written once: `task`, `task-2`.

    Args:
        prefix: what every name starts with.
    """

    def __init__(self, prefix: str) -> None:
        self.entries: dict[str, Json] = {}
        self._prefix = prefix
        self._names: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def add(self, kind: str, entry: Json) -> str:
        """The name of this entry, new for a new one."""
        identity = json.dumps(entry, sort_keys=True)
        if identity not in self._names:
            self._count[kind] += 1
            number = f"-{self._count[kind]}" if self._count[kind] > 1 else ""
            name = f"{self._prefix}{kind}{number}"
            self._names[identity] = name
            self.entries[name] = entry
        return self._names[identity]


class Executors(Registry):
    """The containers of one plan, as one engine reads them."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        super().__init__("exec-")
        self._plan = plan
        self._dialect = dialect

    def container(self, command: str, task: Task | None = None, *, on_exit: str = "") -> str:
        """The label of the container that runs one of the runtime's commands.

        Args:
            command: the runtime's.
            task: whose image and limits it has; the plan's image and no limits without.
            on_exit: the exit pipeline that it runs once it has ended the MLflow run.
        """
        plan = self._plan
        args = [command, "--env", plan.env, "--pipeline", plan.pipeline]
        if on_exit:
            args += ["--on-exit", on_exit]
        if plan.dynamic_config:
            args.append("--dynamic-config")
        if plan.authentication:
            args += ["--authentication", exact_json(plan.authentication)]
        for alias in plan.host_aliases:
            args += ["--host-alias", alias]
        container: Json = {
            "image": (task and task.image) or plan.image,
            "command": ["python", "-m", "kedro_vertexai.runtime"],
            "args": [*args, "{{$}}"],
            # Vertex AI refuses empty values (kubeflow/pipelines#10111).
            "env": [
                {"name": name, "value": value} for name, value in plan.environment.items() if value
            ],
        }
        if task and (limits := _limits(task.resources, self._dialect)):
            container["resources"] = limits
        return self.add(command, {"container": container})


def _limits(resources: Resources, dialect: Dialect) -> Json:
    """Both spellings of each limit: older backends read one, newer ones the other.

    kubeflow/pipelines#11374 and #11390. The first counts vCPUs and gigabytes (10^9 bytes).
    """
    limits: Json = {}
    if resources.cpu:
        limits |= {"cpuLimit": quantity(resources.cpu), "resourceCpuLimit": resources.cpu}
    if resources.memory:
        limits["memoryLimit"] = quantity(resources.memory) / 1e9
        limits["resourceMemoryLimit"] = resources.memory
    if resources.accelerator and resources.accelerator_count:
        type_, count = dialect.accelerator(resources.accelerator), str(resources.accelerator_count)
        limits["accelerator"] = {
            "type": type_,
            "count": count,
            "resourceType": type_,
            "resourceCount": count,
        }
    return limits
