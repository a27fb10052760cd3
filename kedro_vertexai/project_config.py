"""A Kedro project's configuration, read through its own loader; each mistake is one line."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.errors import ProjectError, did_you_mean
from kedro_vertexai.mlflow_keys import check_mlflow_keys

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader

_RUNTIME_RESOLVER = re.compile(r"\$\{\s*runtime_params\s*:\s*([^,}\s]+)")


def read_vertexai_config(path: Path, env: str) -> tuple[dict[str, Any], str]:
    """Return the content of `vertexai.yml` as Kedro merges it, and the file to name in errors.

    Raises:
        ProjectError: no such environment, no such file in it or in `conf/base`, or the file
            cannot be read.
    """
    from kedro.config import MissingConfigException
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    _check_settings()
    _check_env(path, env)
    loader = config_loader(path, env, {})
    # The peer tells its users to write `${oc.env:...}` here; Kedro has it for credentials only.
    custom = not OmegaConf.has_resolver("oc.env")
    if custom:
        _register("oc.env", oc.env)
    places = " or ".join(shown(directory, path) for directory in conf_dirs(path, env))
    with _config_errors("vertexai.yml"):
        try:
            data = loader["vertexai"]
        except MissingConfigException:
            raise ProjectError(
                f"no vertexai.yml in {places}: "
                "run `kedro vertexai init PROJECT_ID REGION` to write one"
            ) from None
        finally:
            if custom:
                OmegaConf.clear_resolver("oc.env")
    return data, _conf_files(path, env, "vertexai")


def config_loader(
    path: Path, env: str, runtime_params: Mapping[str, Any], conf_source: Path | None = None
) -> AbstractConfigLoader:
    """The loader that the project's settings name, which also knows our files.

    Args:
        path: the project's root.
        env: the Kedro environment.
        runtime_params: nested values for the configuration's resolvers.
        conf_source: the directory of all environments; that of the settings without.

    Raises:
        ProjectError: it cannot be made.
    """
    from kedro.framework.project import settings

    try:
        loader = settings.CONFIG_LOADER_CLASS(
            conf_source=str(conf_source or path / settings.CONF_SOURCE),
            env=env,
            runtime_params=dict(runtime_params),
            **settings.CONFIG_LOADER_ARGS,
        )
    except Exception as error:
        raise ProjectError(
            f"CONFIG_LOADER_CLASS and CONFIG_LOADER_ARGS of settings.py cannot be used: "
            f"{one_line(error)}"
        ) from error
    for name in ("vertexai", "mlflow"):
        loader.config_patterns.setdefault(name, [f"{name}*", f"{name}*/**", f"**/{name}*"])
    return loader  # type: ignore[no-any-return]


def read_mapping(
    loader: AbstractConfigLoader, key: str, *, required: bool = False
) -> dict[str, Any]:
    """What the configuration says under this key; empty where there is no such file.

    Raises:
        ProjectError: it cannot be read, or Kedro runs nothing without such a file.
    """
    from kedro.config import MissingConfigException

    try:
        with _config_errors(key):
            found: Any = loader[key]
    except MissingConfigException as error:
        if required:
            raise ProjectError(
                f"the project has no {key}, without which Kedro runs nothing: write "
                f"conf/base/{key}.yml, an empty one ({{}}) will do"
            ) from error
        return {}
    if not isinstance(found, dict):
        raise ProjectError(
            f"the project's {key} hold a {type(found).__name__}, not keys and values"
        )
    return found


def conf_dirs(path: Path, env: str) -> list[Path]:
    """The directories that Kedro merges for this environment, the base first."""
    from kedro.framework.project import settings

    base = settings.CONFIG_LOADER_ARGS.get("base_env", "base")
    return [path / settings.CONF_SOURCE / name for name in dict.fromkeys((base, env))]


def runtime_names(path: Path, env: str) -> Iterator[str]:
    """Names read by `${runtime_params:name}` anywhere in the configuration, `mlflow.yml` too."""
    for directory in conf_dirs(path, env):
        for file in sorted(directory.rglob("*")):
            if file.suffix in (".yml", ".yaml", ".json") and file.is_file():
                yield from _RUNTIME_RESOLVER.findall(file.read_text("utf-8", "replace"))


@dataclass(frozen=True)
class MlflowServer:
    """What `mlflow.yml` says of the server that runs are recorded at; empty where nothing.

    `header_provider` is the path of the class that signs requests.
    """

    tracking_uri: str = ""
    header_provider: str = ""


def mlflow_server(loader: AbstractConfigLoader, pipeline: str) -> MlflowServer | None:
    """Where kedro-mlflow would record a run of this pipeline.

    None if the pipeline is not tracked: kedro-mlflow is not installed or not configured, or the
    pipeline is taken out.
    """
    from kedro.config import MissingConfigException
    from kedro.framework.project import settings
    from omegaconf import OmegaConf

    if importlib.util.find_spec("kedro_mlflow") is None:
        return None
    # Kedro compares the name as the distribution spells it.
    if distribution("kedro-mlflow").metadata["Name"] in settings.DISABLE_HOOKS_FOR_PLUGINS:
        return None
    # kedro-mlflow registers this resolver in its own hook; a run's name is not needed here.
    placeholder = not OmegaConf.has_resolver("km.random_name")
    if placeholder:
        _register("km.random_name", lambda: "")
    try:
        with _config_errors("mlflow.yml"):
            config = loader["mlflow"]
    except MissingConfigException:
        return None
    finally:
        if placeholder:
            OmegaConf.clear_resolver("km.random_name")
    check_mlflow_keys(config)
    said: Any = config
    for key in ("tracking", "disable_tracking", "pipelines"):
        if not isinstance(said, dict):
            raise ProjectError(f"the project's mlflow.yml: no '{key}' can be in {said!r}")
        said = said.get(key) or {}
    if pipeline in said:
        return None
    server = config.get("server") or {}
    provider = server.get("request_header_provider") or {}
    return MlflowServer(
        str(server.get("mlflow_tracking_uri") or ""), str(provider.get("type") or "")
    )


def _register(name: str, resolver: Callable[..., Any]) -> None:
    """OmegaConf 2.4 has a new name for it."""
    from omegaconf import OmegaConf

    register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
    register(name, resolver)


def _check_settings() -> None:
    """Dynaconf takes settings that cannot be imported for settings that say nothing."""
    from kedro.framework.project import validate_settings

    try:
        validate_settings()
    except Exception as error:
        raise ProjectError(f"settings.py cannot be imported: {one_line(error)}") from error


def _check_env(path: Path, env: str) -> None:
    """Kedro takes an environment whose directory is missing for a missing file."""
    directory = conf_dirs(path, env)[-1]
    if directory.is_dir():
        return
    known = sorted(entry.name for entry in directory.parent.glob("*/"))
    raise ProjectError(
        f"no Kedro environment '{env}'{did_you_mean(env, known)}: {shown(directory, path)} "
        f"is no directory (environments: {', '.join(known) or 'none'})"
    )


@contextmanager
def _config_errors(what: str) -> Iterator[None]:
    """Name the configuration that cannot be read, in one line."""
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        yield
    except (YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ProjectError(f"the project's {what} cannot be read: {one_line(error)}") from error
    except AttributeError as error:
        # Kedro's loader takes every file for a mapping.
        raise ProjectError(f"the project's {what}: a file does not hold keys and values") from error


def _conf_files(path: Path, env: str, name: str) -> str:
    """The files that Kedro merges for `name`, relative to the project, joined with `+`."""
    files = [
        shown(file, path)
        for directory in conf_dirs(path, env)
        for file in sorted(directory.glob(f"**/{name}*"))
        if file.suffix in (".yml", ".yaml", ".json")
    ]
    return " + ".join(files) or f"{name}.yml"


def one_line(error: BaseException) -> str:
    """An exception as one line: its type, unless the text says enough, and its text."""
    text = " ".join(str(error).split())
    return text if text and isinstance(error, ValueError) else f"{type(error).__name__}: {text}"


def shown(place: Path, path: Path) -> str:
    """A place of the configuration as a message names it: it may lie outside of the project."""
    return (place.relative_to(path) if place.is_relative_to(path) else place).as_posix()
