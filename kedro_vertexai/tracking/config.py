"""Where the runs are recorded: the server of `mlflow.yml`, or a store beside a local job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import TaskError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow.entities import Run

FindExperiment = Callable[[Any], Any]

# A target whose tasks share the user's disk names a directory for the store here.
STORE_VARIABLE = "KEDRO_VERTEXAI_MLFLOW_STORE"
_PATTERNS = ["mlflow*", "mlflow*/**", "**/mlflow*"]


def adapt_store(context: KedroContext) -> dict[str, Any]:
    """Prepare `mlflow.yml` for tasks that run in directories of their own; return it.

    An experiment without a name gets the package's, as in kedro-mlflow. A tracking URI that is
    relative to the project, or none at all, would be another store in each task: where the
    target offers a directory, the store lies there instead, and the registry with it.

    Raises:
        TaskError: the credentials that `mlflow.yml` names are not there, or are no text.
    """
    from kedro.framework.project import PACKAGE_NAME

    loader: Any = context.config_loader
    loader.config_patterns.setdefault("mlflow", _PATTERNS)
    _register_resolver()
    config: dict[str, Any] = loader["mlflow"] or {}
    server = _section(config, "server")
    experiment = _section(_section(config, "tracking"), "experiment")
    if experiment.get("name") is None:
        experiment["name"] = PACKAGE_NAME
    check_credentials(loader, server.get("credentials"))
    directory = os.environ.get(STORE_VARIABLE)
    registry = server.get("mlflow_registry_uri")
    if directory and registry and is_relative(registry):
        server["mlflow_registry_uri"] = store_uri(Path(directory))
    uri = server.get("mlflow_tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    if directory and is_relative(uri):
        server["mlflow_tracking_uri"] = store_uri(Path(directory))
        kwargs = _section(experiment, "create_experiment_kwargs")
        # Without a server, such a store puts artifacts below the working directory.
        if kwargs.get("artifact_location") is None:
            kwargs["artifact_location"] = str(Path(directory) / "mlartifacts")
    loader["mlflow"] = config
    return config


def set_up(context: KedroContext, find_experiment: FindExperiment | None = None) -> Any:
    """Do what kedro-mlflow's hook does with `mlflow.yml`, and give the context its `mlflow`.

    Args:
        context: of this process.
        find_experiment: instead of kedro-mlflow's own way, which makes sure of the experiment
            by its name and asks the server three times.

    Returns:
        kedro-mlflow's configuration, its server and experiment set up.
    """
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

    from kedro_vertexai.auth.plain_provider import configure_plain_provider

    class Config(KedroMlflowConfig):  # type: ignore[misc]
        def _set_experiment(self) -> None:
            if find_experiment is None:
                super()._set_experiment()
            else:
                self.tracking.experiment._experiment = find_experiment(self)

        def _register_request_header_provider(self, context: KedroContext) -> None:
            if not configure_plain_provider(self.server.request_header_provider, context):
                super()._register_request_header_provider(context)

    config = Config.model_validate(adapt_store(context))
    # As kedro-mlflow does, for the project's hooks: the class is frozen.
    context.__setattr__("mlflow", config)
    config.setup(context)
    return config


def keep_set_up(context: KedroContext, run: Run) -> Any:
    """Give the context its `mlflow` where the project has started a run of its own.

    As in kedro-mlflow, server and experiment are then those of the run, whatever `mlflow.yml`
    says; how parameters are logged is still its to say.

    Args:
        context: of this process.
        run: that is active.

    Returns:
        kedro-mlflow's configuration.
    """
    import mlflow
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

    config = KedroMlflowConfig.model_validate(adapt_store(context))
    config.server.mlflow_tracking_uri = mlflow.get_tracking_uri()
    config.server.mlflow_registry_uri = mlflow.get_registry_uri()
    config.server._mlflow_client = mlflow.MlflowClient(
        tracking_uri=config.server.mlflow_tracking_uri
    )
    experiment = mlflow.get_experiment(run.info.experiment_id)
    config.tracking.experiment.name = experiment.name
    config.tracking.experiment._experiment = experiment
    config.tracking.run.id = run.info.run_id
    # The class is frozen.
    context.__setattr__("mlflow", config)
    return config


def check_credentials(loader: Any, name: str | None) -> None:
    """Refuse credentials that kedro-mlflow would pass over in silence, or could not use.

    Args:
        loader: the project's configuration.
        name: the entry of `credentials.yml` that `server.credentials` names.

    Raises:
        TaskError: there is no such entry, or it holds something else than text.
    """
    from kedro.config import MissingConfigException

    if not name:
        return
    try:
        entries = loader["credentials"]
    except MissingConfigException:
        entries = {}
    entry = entries.get(name)
    if not isinstance(entry, dict):
        raise TaskError(
            f"mlflow.yml: server.credentials names '{name}', and no credentials.yml of this "
            "environment has such an entry with variables in it"
        )
    for key, value in entry.items():
        if not isinstance(value, str):
            raise TaskError(
                f"credentials.yml: '{name}.{key}' becomes an environment variable and must be "
                "text: write it in quotes"
            )


def store_uri(directory: Path) -> str:
    """The tracking URI of the store in a directory: one SQLite file."""
    return f"sqlite:///{directory / 'mlflow.db'}"


@contextmanager
def store_lock() -> Iterator[None]:
    """Let one process at a time create or migrate the store of a local job.

    Two that do so at once fail over each other's tables.
    """
    directory = os.environ.get(STORE_VARIABLE)
    if not directory:
        yield
        return
    import fcntl

    with Path(directory, "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_local(uri: str) -> bool:
    """Whether a tracking URI names a store on the machine itself, not a server."""
    scheme, separator, _ = uri.partition("://")
    if not separator:
        return uri not in ("databricks", "databricks-uc")
    return scheme in ("file", "sqlite")


def is_relative(uri: str | None) -> bool:
    """Whether a tracking URI depends on the working directory."""
    if not uri:
        return True
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri not in ("databricks", "databricks-uc") and not Path(uri).is_absolute()
    # sqlite:///relative.db has three slashes, sqlite:////absolute.db four.
    return scheme == "sqlite" and not rest.startswith("//")


def _section(config: dict[str, Any], key: str) -> dict[str, Any]:
    """A section of the configuration; one that is missing or empty is made."""
    config[key] = dict(config.get(key) or {})
    return config[key]  # type: ignore[no-any-return]


def _register_resolver() -> None:
    """kedro-mlflow registers it in its own hook, which runs after ours."""
    from kedro_mlflow.config.resolvers import resolve_random_name
    from omegaconf import OmegaConf

    if not OmegaConf.has_resolver("km.random_name"):
        OmegaConf.register_new_resolver("km.random_name", resolve_random_name, use_cache=True)
