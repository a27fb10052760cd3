"""`run_config.dynamic_config_providers`: configuration made in this container before the run."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from pathlib import Path

from kedro_vertexai.errors import TaskError


def write_dynamic_config(project_path: Path, env: str) -> None:
    """Let each configured provider write its file into the container's own configuration.

    The files are removed when the process ends: on the user's machine the working copy of a
    failed task stays, and an image that is built there may copy it.

    Raises:
        TaskError: `vertexai.yml` is not in the image.
        ConfigError: a provider cannot be made, or what it made cannot be written.
    """
    from kedro.config import MissingConfigException
    from kedro.framework.project import settings
    from omegaconf import OmegaConf

    from kedro_vertexai.config import parse_config
    from kedro_vertexai.dynamic_config import materialise

    patterns = {"vertexai": ["vertexai*", "vertexai*/**", "**/vertexai*"]}
    conf_source = project_path / settings.CONF_SOURCE
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(conf_source), env=env, **settings.CONFIG_LOADER_ARGS
    )
    loader.config_patterns.update(patterns)
    # As when compiled, but for what only the compiling machine's environment has.
    register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
    register("oc.env", lambda name, default="": os.environ.get(name, default), replace=True)
    try:
        data = loader["vertexai"]
    except MissingConfigException as error:
        raise TaskError("dynamic_config_providers: vertexai.yml is not in the image") from error
    finally:
        OmegaConf.clear_resolver("oc.env")
    # The image that this runs in may have been named on the command line.
    data = {**data, "run_config": {"image": "unknown", **(data.get("run_config") or {})}}
    written: list[Path] = []
    atexit.register(_remove, written)
    materialise(parse_config(data, "vertexai.yml"), conf_source, written)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
