"""What is in this image, as one line of JSON: `python -m kedro_vertexai.runtime.check_image ENV`.

`kedro vertexai build --check` runs it once in the image and compares. It never fails: what cannot
be told is `null`, and what cannot be imported comes with its error.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def describe_image(env: str) -> dict[str, Any]:
    """Return versions, the project, and what a task may write, for a Kedro environment."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    project, error = _import_project(env)
    return {
        "kedro_vertexai": _version("kedro-vertexai"),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "kedro": _version("kedro"),
        "mlflow": _version("mlflow") or _version("mlflow-skinny"),
        "kedro_mlflow": _version("kedro-mlflow"),
        "project": project,
        "error": error,
        "unwritable": _unwritable(),
        "user": os.getuid() if hasattr(os, "getuid") else None,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _import_project(env: str) -> tuple[str | None, str | None]:
    """The name of the project's package, and why the project cannot be used."""
    package = None
    try:
        from kedro.framework.project import pipelines, settings
        from kedro.framework.startup import bootstrap_project
        from kedro.utils import find_kedro_project

        path = find_kedro_project(Path.cwd())
        if path is None:
            return None, f"no Kedro project in {Path.cwd()}, where the image starts"
        package = bootstrap_project(path).package_name
        # Only this imports the nodes' modules.
        dict(pipelines)
        configuration = Path(path) / settings.CONF_SOURCE / env
    except (Exception, SystemExit) as error:
        # Of the project's own code: anything may come.
        return package, _one_line(error)
    if not configuration.is_dir():
        return package, f"no directory {configuration}, for the environment '{env}'"
    return package, None


def _one_line(error: BaseException) -> str:
    """What went wrong and, where that is not all, why: Kedro only says which module."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
    return text if cause is error else f"{' '.join(str(error).split())} {text}"


def _unwritable() -> list[str]:
    """Directories that a task writes to, and may not."""
    places = {str(Path.cwd()), tempfile.gettempdir()}
    return sorted(place for place in places if not os.access(place, os.W_OK))


def main(argv: list[str]) -> None:
    """Print the line; what the project prints on the way goes to standard error."""
    (env,) = argv
    with redirect_stdout(sys.stderr):
        found = describe_image(env)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
