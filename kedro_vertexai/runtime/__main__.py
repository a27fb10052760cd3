"""The command of every container: `python -m kedro_vertexai.runtime COMMAND ... EXECUTOR_INPUT`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from kedro_vertexai.auth.reason import redacted, without_secrets
from kedro_vertexai.errors import VertexAIError
from kedro_vertexai.runtime.executor_input import ExecutorInput
from kedro_vertexai.runtime.job import Job

_COMMANDS = ("task", "mlflow-start-run", "mlflow-finish-run", "on-exit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one task; return the process's exit code.

    The last line on standard error says in one line what went wrong: engines show it as the
    task's error.
    """
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    # Looking for garbage while thousands of modules are imported is a sixth of a small task.
    gc.disable()
    try:
        _run(arguments)
    except VertexAIError as error:
        print(f"{arguments.command}: {error}", file=sys.stderr)
        return 1
    except (Exception, SystemExit) as error:
        # Of the project's own; a task that ends early has not done its work, even with code 0.
        print(redacted(traceback.format_exc()), end="", file=sys.stderr)
        print(_one_line(error), file=sys.stderr)
        return 1
    finally:
        gc.enable()
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kedro_vertexai.runtime")
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--env", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--on-exit", default="", metavar="PIPELINE")
    parser.add_argument("--dynamic-config", action="store_true")
    parser.add_argument("--authentication", default="")
    parser.add_argument("--host-alias", action="append", default=[])
    parser.add_argument("executor_input")
    return parser.parse_args(argv)


def _run(arguments: argparse.Namespace) -> None:
    given = ExecutorInput.parse(arguments.executor_input)
    # Before the project is loaded: users' settings and configuration read these.
    Job.of(given.parameters).to_environment()
    if arguments.on_exit:
        from kedro_vertexai.runtime.job_end import JobEnd

        JobEnd.of(given).to_environment()
    # A task is a part of a run, not a command of the user's: Kedro's telemetry counts neither.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if arguments.host_alias:
        from kedro_vertexai.runtime.hosts import add_host_aliases

        add_host_aliases(arguments.host_alias)
    project_path = _bootstrap()
    _check_env(project_path, arguments.env)
    if arguments.authentication:
        from kedro_vertexai.runtime.authentication import authenticate

        authenticate(arguments.authentication)
    if arguments.dynamic_config:
        from kedro_vertexai.runtime.dynamic_config import write_dynamic_config

        write_dynamic_config(project_path, arguments.env)
    _act(arguments, given, project_path)


def _act(arguments: argparse.Namespace, given: ExecutorInput, project_path: Path) -> None:
    """Do the command's own work, now that the project can be loaded."""
    if arguments.command == "task":
        from kedro_vertexai.runtime.task import NodeTask

        NodeTask(given, project_path, arguments.env, arguments.pipeline).run()
    elif arguments.command == "mlflow-start-run":
        from kedro_vertexai.runtime.mlflow_run import start_run

        start_run(given, project_path, arguments.env, arguments.pipeline)
    elif arguments.command == "on-exit":
        from kedro_vertexai.runtime.on_exit import ExitTask

        ExitTask(given, project_path, arguments.env, arguments.on_exit).run()
    elif arguments.on_exit:
        from kedro_vertexai.runtime.on_exit import run_and_finish

        run_and_finish(given, project_path, arguments.env, arguments.on_exit)
    else:
        from kedro_vertexai.runtime.mlflow_run import finish_run

        finish_run(given, project_path, arguments.env)


def _bootstrap() -> Path:
    from kedro.framework.startup import bootstrap_project
    from kedro.utils import find_kedro_project

    path = find_kedro_project(Path.cwd())
    if path is None:
        raise VertexAIError(
            f"no Kedro project in {Path.cwd()}: the image must start in the project's directory"
        )
    _configure_logging()
    bootstrap_project(path)
    return Path(path)


def _check_env(project_path: Path, env: str) -> None:
    from kedro.framework.project import settings

    directory = project_path / settings.CONF_SOURCE / env
    if not directory.is_dir():
        raise VertexAIError(
            f"the image holds no {directory}: keep the directory in it, "
            "or compile for an environment that it holds (kedro vertexai -e ENV)"
        )


def _configure_logging() -> None:
    """Apply the project's own logging configuration, if it has one.

    Kedro does that when it is imported; in a forked process that was in another directory.
    """
    import yaml
    from kedro.framework.project import configure_logging
    from kedro.utils import find_config_file

    file = os.environ.get("KEDRO_LOGGING_CONFIG") or find_config_file("conf/logging")
    if file:
        configure_logging(yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    # Kedro logs what a node raises before we do.
    logging.getLogger("kedro.pipeline.node").addFilter(_redact)


def _redact(record: logging.LogRecord) -> bool:
    record.msg, record.args = redacted(record.getMessage()), None
    return True


def _one_line(error: BaseException) -> str:
    node = getattr(error, "kedro_vertexai_node", None)
    where = f"node '{node}' failed: " if node else ""
    if isinstance(error, VertexAIError):
        return f"{where}{error}"
    if server_error := _server_error(error):
        return f"{where}{server_error}"
    return f"{where}{type(error).__name__}: {without_secrets(str(error))}"


def _server_error(error: BaseException) -> str | None:
    """What a node, or a dataset, could not tell the MLflow server."""
    if "mlflow" not in sys.modules:
        return None
    from kedro_vertexai.tracking.server import server_error

    return server_error(error)


if __name__ == "__main__":
    sys.exit(main())
