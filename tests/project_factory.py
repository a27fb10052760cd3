"""Small real Kedro projects for tests, each described by the test that needs it.

    project = write_project(
        tmp_path,
        nodes='''
        def double(x):
            return 2 * x

        NODES = [node(double, "params:start", "doubled", name="double")]
        ''',
        parameters={"start": 21},
    )
    project.kedro("vertexai", "compile")  # the command line, in a process of its own
    project.invoke("compile")  # the same in this process, some hundred times faster
    project.spec()  # the spec that it writes

`nodes` is Python; `node`, `Pipeline` and the function `first`, which returns its first
argument, are there without an import. It defines NODES, the nodes of `__default__`, or
PIPELINES, a dictionary of pipelines by name. Configuration is YAML text, or data to be dumped
as YAML; None writes no file.

Kedro configures one project per process. Ask for the fixture `new_project` (conftest.py)
where a test stays in this process: it takes the same arguments and cleans up.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml
from click.testing import CliRunner, Result
from kedro.framework.startup import ProjectMetadata, bootstrap_project
from spec_reader import checked

from kedro_vertexai.cli import commands
from kedro_vertexai.compiler import Compiled, Request, compile_project, spec_for_vertex

IMAGE = "europe-west1-docker.pkg.dev/my-project/kedro/image:1"
RUN_CONFIG = {"image": IMAGE, "root": "my-bucket/runs"}
VERTEXAI = {"project_id": "my-project", "region": "europe-west1", "run_config": RUN_CONFIG}
# kedro-mlflow with its store in the project; nothing else is needed to be tracked.
MLFLOW = {"server": {"mlflow_tracking_uri": "sqlite:///mlflow.db"}}

ONE_NODE = 'NODES = [node(first, "params:start", "started", name="start")]'

_SET_BY_MLFLOW = (
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_TRACKING_URI",
)
_QUIET = {"DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
_PACKAGE_NUMBERS = itertools.count(1)

_HEADER = '''\
"""The nodes of a test's project."""

from kedro.pipeline import Pipeline, node


def first(*values, **named):
    return next(iter((*values, *named.values())), 0)


'''
_REGISTRY = '''\
"""The pipelines of a test's project."""

from kedro.pipeline import Pipeline

from {package} import nodes


def register_pipelines():
    if hasattr(nodes, "PIPELINES"):
        return nodes.PIPELINES
    return {{"__default__": Pipeline(nodes.NODES)}}
'''
_PYPROJECT = """\
[tool.kedro]
package_name = "{package}"
project_name = "{package}"
kedro_init_version = "1.7.0"
source_dir = "src"
"""


@dataclass(frozen=True)
class KedroProject:
    """A project on disk. `package` is its Python package, unique unless the test chose it."""

    path: Path
    package: str

    def kedro(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run Kedro's command line in the project, in a process of its own.

        Args:
            arguments: what follows `kedro`.
            env: more environment variables.
            timeout: seconds.
        """
        # A wide terminal, so that no table or message is broken into lines.
        environment = {**inherited(), "COLUMNS": "400", **_QUIET, **(env or {})}
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def invoke(self, *arguments: str) -> Result:
        """Run `kedro vertexai` with these arguments in this process, as if in the project."""
        metadata = self.bootstrap()
        before = Path.cwd()
        os.chdir(self.path)
        try:
            return CliRunner().invoke(commands, ["vertexai", *arguments], obj=metadata)
        finally:
            os.chdir(before)

    def bootstrap(self) -> ProjectMetadata:
        """Make it the project of this process, as Kedro's command line does."""
        self.forget()
        return bootstrap_project(self.path)

    def compile(self, env: str = "local", **request: Any) -> Compiled:
        """Plan a run in this process; arguments as `kedro_vertexai.compiler.Request` has them."""
        self.bootstrap()
        return compile_project(Request(project_path=self.path, env=env, **request))

    def spec(self, **request: Any) -> dict[str, Any]:
        """The pipeline spec that `kedro vertexai compile` writes, seen by KFP's own readers."""
        return checked(spec_for_vertex(self.compile(**request)))

    def files(self) -> dict[str, bytes]:
        """Every file of the project by its path, byte code left out."""
        return {
            file.relative_to(self.path).as_posix(): file.read_bytes()
            for file in sorted(self.path.rglob("*"))
            if file.is_file() and file.suffix != ".pyc"
        }

    def forget(self) -> None:
        """Unload the project's modules from this process."""
        source = str(self.path / "src")
        sys.path[:] = [entry for entry in sys.path if entry != source]
        for name in [name for name in sys.modules if name.split(".")[0] == self.package]:
            del sys.modules[name]


def inherited() -> dict[str, str]:
    """This process's environment, without where a test in it has pointed MLflow to.

    `mlflow.set_tracking_uri` and `set_experiment` set variables, for child processes too.
    """
    return {name: value for name, value in os.environ.items() if name not in _SET_BY_MLFLOW}


def write_project(
    path: Path,
    *,
    nodes: str = ONE_NODE,
    package: str | None = None,
    parameters: str | Mapping[str, Any] | None = None,
    catalog: str | Mapping[str, Any] = "{}",
    mlflow: str | Mapping[str, Any] | None = None,
    vertexai: str | Mapping[str, Any] | None = VERTEXAI,
    run_config: Mapping[str, Any] | None = None,
    settings: str = "",
    files: Mapping[str, str] | None = None,
) -> KedroProject:
    """Write a Kedro project into the directory `path`, which may be empty or missing.

    Args:
        path: the project's root.
        nodes: Python that defines NODES or PIPELINES, see above.
        package: the Python package; a new name for each project without.
        parameters: of `conf/base/parameters.yml`; without any, `start: 1`, which ONE_NODE reads.
        catalog: of `conf/base/catalog.yml`; Kedro wants one, which may be empty.
        mlflow: of `conf/base/mlflow.yml`; MLFLOW will do.
        vertexai: of `conf/base/vertexai.yml`.
        run_config: more keys of its `run_config`.
        settings: Python of `settings.py`.
        files: anything else, text by path relative to the project; written last.
    """
    package = package or f"project_{next(_PACKAGE_NUMBERS)}"
    if parameters is None and nodes is ONE_NODE:
        parameters = {"start": 1}
    if run_config is not None and isinstance(vertexai, Mapping):
        vertexai = {**vertexai, "run_config": {**vertexai["run_config"], **run_config}}
    source = f"src/{package}"
    texts = {
        "pyproject.toml": _PYPROJECT.format(package=package),
        "conf/local/.gitkeep": "",
        f"{source}/__init__.py": "",
        f"{source}/settings.py": dedent(settings),
        f"{source}/nodes.py": _HEADER + dedent(nodes),
        f"{source}/pipeline_registry.py": _REGISTRY.format(package=package),
    }
    configuration = {
        "parameters": parameters,
        "catalog": catalog,
        "mlflow": mlflow,
        "vertexai": vertexai,
    }
    for name, content in configuration.items():
        if content is not None:
            texts[f"conf/base/{name}.yml"] = _yaml(content)
    for name, text in {**texts, **(files or {})}.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return KedroProject(path, package)


def _yaml(content: str | Mapping[str, Any]) -> str:
    if isinstance(content, str):
        return dedent(content)
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
