"""What `vertexai.yml` says of containers on the user's own machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from kedro_vertexai.config_section import Section
from kedro_vertexai.config_values import VARIABLE, Name


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        # It may be a value that was put where a name belongs.
        raise ValueError("expected names of environment variables, without values")
    return name


class DockerConfig(Section):
    """How the containers of `run-once --target docker` are made."""

    network: Name | None = None
    """The Docker network that they join."""
    user: Name | None = None
    """Whom they run as, a name or number, with a group behind a colon; None: the image's user."""
    env: tuple[Annotated[Name, AfterValidator(_variable)], ...] = ()
    """Variables of the user's own environment that they get."""
