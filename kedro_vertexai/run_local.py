"""`kedro vertexai run-once --target local`: the compiled spec on this machine."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from types import ModuleType

from kedro_vertexai.compiler import Compiled
from kedro_vertexai.run_here import run_here
from kedro_vertexai.targets.local import ROOT, LocalOptions
from kedro_vertexai.tracking.config import STORE_VARIABLE

# A fork server imports these once for all tasks; what the project imports comes on top.
_RUNTIME_MODULES = (
    "kedro.framework.session",
    "kedro.framework.startup",
    "kedro_vertexai.runtime.task",
    "cloudpickle",
)
_TRACKING_MODULES = (
    "kedro_vertexai.runtime.mlflow_run",
    "kedro_vertexai.tracking.hook",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.tracing.processor.base_mlflow",
    "mlflow.tracing.processor.otel",
    "sqlalchemy.dialects.sqlite",
    "alembic.command",
)
# kedro-mlflow switches MLflow's autologging off, for which MLflow imports its support of each
# of these that is loaded.
_AUTOLOGGED = ("sklearn", "xgboost", "lightgbm", "statsmodels", "pytorch_lightning")
# What this command itself has loaded and no task needs.
_OURS_ALONE = ("kedro_vertexai", "kfp", "google", "click", "rich", "pydantic", "__main__")


def run_local(compiled: Compiled, *, max_workers: int | None) -> int:
    """Run the plan, print what came of it, and return the exit code: 0 only for success.

    Raises:
        RunError: the run cannot start; nothing has run.
    """
    plan, path = compiled.plan, compiled.project.path
    return run_here(
        compiled,
        LocalOptions(
            max_workers=max_workers,
            failure_policy=compiled.config.run_config.failure_policy,
            in_image=plan.in_image,
            warm_modules=_warm_modules(tracked=plan.tracked),
            env={STORE_VARIABLE: str(path / ROOT)} if plan.tracked else {},
        ),
    )


def _warm_modules(*, tracked: bool) -> tuple[str, ...]:
    """Installed modules that loading this project has imported, in that order.

    Each task will import them too. The project's own modules are not among them: each task
    must import those from its own copy.
    """
    installed = tuple({os.path.realpath(path) + os.sep for path in sys.path if "-packages" in path})
    loaded = [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in _OURS_ALONE and _file(module).startswith(installed)
    ]
    if tracked:
        loaded += _TRACKING_MODULES
        loaded += [f"mlflow.{name}" for name in _AUTOLOGGED if name in sys.modules]
    # Kedro imports every plugin's hooks, also those that it then leaves out.
    plugins = (entry.module for entry in entry_points(group="kedro.hooks"))
    return (*_RUNTIME_MODULES, *plugins, *loaded)


def _file(module: ModuleType) -> str:
    return os.path.realpath(getattr(module, "__file__", None) or "")
