"""Keys of `mlflow.yml` that kedro-mlflow 2 refuses, told when compiling instead of in a container.

kedro-mlflow's own check imports mlflow, which takes longer than compiling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kedro_vertexai.errors import ProjectError

Path = tuple[str, ...]

# What became of each key that an earlier version had:
# https://github.com/Galileo-Galilei/kedro-mlflow/blob/master/CHANGELOG.md (0.8.0 turned the
# layout around, 0.11.0 removed the stores' variables) and the template of each release.
_MOVED: Mapping[Path, str] = {
    ("mlflow_tracking_uri",): "server.mlflow_tracking_uri",
    ("mlflow_registry_uri",): "server.mlflow_registry_uri",
    ("credentials",): "server.credentials",
    ("request_header_provider",): "server.request_header_provider",
    ("disable_tracking",): "tracking.disable_tracking",
    ("experiment",): "tracking.experiment",
    ("run",): "tracking.run",
    ("params",): "tracking.params",
    ("hooks", "node", "flatten_dict_params"): "tracking.params.dict_params.flatten",
    ("hooks", "node", "recursive"): "tracking.params.dict_params.recursive",
    ("hooks", "node", "sep"): "tracking.params.dict_params.sep",
    ("hooks", "node", "long_parameters_strategy"): "tracking.params.long_params_strategy",
    ("hooks", "flatten_dict_params"): "tracking.params.dict_params.flatten",
    ("hooks", "recursive"): "tracking.params.dict_params.recursive",
    ("hooks", "sep"): "tracking.params.dict_params.sep",
    ("tracking", "params", "flatten_dict_params"): "tracking.params.dict_params.flatten",
    ("tracking", "params", "long_parameters_strategy"): "tracking.params.long_params_strategy",
    ("tracking", "experiment", "artifact_location"): (
        "tracking.experiment.create_experiment_kwargs.artifact_location"
    ),
    ("tracking", "experiment", "tags"): "tracking.experiment.create_experiment_kwargs.tags",
}
_GONE: Mapping[Path, str] = {
    ("tracking", "experiment", "create"): (
        "an experiment that is missing is always created; "
        "see tracking.experiment.create_experiment_kwargs for how"
    ),
    ("experiment", "create"): "an experiment that is missing is always created",
    ("server", "stores_environment_variables"): (
        "name an entry of credentials.yml in server.credentials: its keys become variables"
    ),
    ("hooks",): "its keys are in tracking.params now",
}
# Where kedro-mlflow 2 takes text only, and its older pages show a number or null.
_TEXT: tuple[Path, ...] = (("ui", "port"), ("ui", "host"))
_INIT_KWARGS: Path = ("server", "request_header_provider", "init_kwargs")
# Sections that kedro-mlflow refuses if they are there and hold nothing.
_SECTIONS: tuple[Path, ...] = (
    ("ui",),
    ("server", "request_header_provider"),
    _INIT_KWARGS,
    ("tracking", "disable_tracking"),
    ("tracking", "run"),
    ("tracking", "params"),
    ("tracking", "params", "dict_params"),
)
_MISSING = object()


def check_mlflow_keys(config: Any) -> None:
    """Refuse what kedro-mlflow 2 would refuse later.

    Raises:
        ProjectError: an older key, number or null; the message names what to write instead.
    """
    for complaint in _complaints(config):
        raise ProjectError(f"the project's mlflow.yml: {complaint} (kedro-mlflow 2)")


def _complaints(config: Any) -> Iterator[str]:
    # The deepest first: the key that a user wrote, before the section that it was in.
    for path in sorted({**_MOVED, **_GONE}, key=len, reverse=True):
        if _look_up(config, path) is _MISSING:
            continue
        if path in _MOVED:
            yield f"'{'.'.join(path)}' is written '{_MOVED[path]}' now"
        else:
            yield f"'{'.'.join(path)}' is no key any more: {_GONE[path]}"
    for path in _SECTIONS:
        if _look_up(config, path) is None:
            yield f"'{'.'.join(path)}' holds nothing: leave it out"
    for path in (*_TEXT, *_kwargs(config)):
        value = _look_up(config, path)
        if value is None:
            yield f"'{'.'.join(path)}' is null and must be text: leave it out"
        elif value is not _MISSING and not isinstance(value, str):
            yield f"'{'.'.join(path)}' must be text: write it in quotes, \"{value}\""


def _kwargs(config: Any) -> list[Path]:
    given = _look_up(config, _INIT_KWARGS)
    return [(*_INIT_KWARGS, key) for key in given] if isinstance(given, dict) else []


def _look_up(config: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(config, Mapping) or key not in config:
            return _MISSING
        config = config[key]
    return config
