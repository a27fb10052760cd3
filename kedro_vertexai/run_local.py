"""`kedro vertexai run-once --target local`: the compiled spec on this machine."""

from __future__ import annotations

import os
import secrets
import sys
from datetime import datetime, timezone
from importlib.metadata import entry_points
from types import ModuleType

import click

from kedro_vertexai.compiler import Compiled, missing_inputs
from kedro_vertexai.errors import RunError
from kedro_vertexai.git_state import at_commit, git_state
from kedro_vertexai.spec.build import build_spec, job_values
from kedro_vertexai.stage import stage
from kedro_vertexai.summary import print_summary
from kedro_vertexai.targets.local import ROOT, LocalOptions, make_reporter, run_job
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
    project, plan = compiled.project, compiled.plan
    if plan.tracked:
        plan = at_commit(plan, git_state(project.path))
    if missing := missing_inputs(plan):
        raise RunError("; ".join(missing))
    root = str(project.path / ROOT)
    if plan.staged:
        click.echo(stage(compiled, root))
    result = run_job(
        build_spec(plan, root=root),
        job_name=_job_name(plan.name),
        project_path=project.path,
        parameter_values=job_values(plan),
        options=LocalOptions(
            max_workers=max_workers,
            failure_policy=compiled.config.run_config.failure_policy,
            in_image=plan.in_image,
            warm_modules=_warm_modules(tracked=plan.tracked),
            env={STORE_VARIABLE: root} if plan.tracked else {},
        ),
        reporter=make_reporter(sys.stdout),
    )
    print_summary(result, project.path)
    return 0 if result.state == "SUCCEEDED" else 1


def _job_name(pipeline: str) -> str:
    """A new job's name: valid as a Vertex AI job id, sortable by time, unique."""
    now = datetime.now(timezone.utc)
    return f"{pipeline}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(2)}"


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
