"""What a user can say about the containers of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_vertexai.image.progress import LayerReporter, NoLayers

if TYPE_CHECKING:
    from kedro_vertexai.targets.vertex.registry_credentials import Basic

MOST_AT_ONCE = 32
"""Tasks at once that nobody limited, whatever the machine: each is a container and a thread."""


@dataclass(frozen=True)
class Pulling:
    """What becomes of an image that is not here."""

    may: Callable[[str], bool] = lambda _image: False
    """Asked whether it may be pulled."""
    login: Callable[[str], Basic | None] = lambda _image: None
    """Who asks its registry; None: whom `docker login` has kept."""
    reporter: Callable[[], LayerReporter] = NoLayers
    """Makes what hears of its layers."""


@dataclass(frozen=True)
class DockerOptions:
    """Settings of the containers of one job."""

    network: str | None = None
    """The engine's network that they join; None: its default one."""
    user: str | None = None
    """Whom they run as, `NAME` or `UID:GID`; None: as the image says."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Extra environment of every task, secrets too: no process list shows it."""
    credentials: Path | None = None
    """A Google credentials file to put into every container."""
    store: Path | None = None
    """A directory that all tasks may write into, for an MLflow store without a server."""
    store_contents: tuple[Path, ...] = ()
    """What of it tasks write to; it exists, and is the user's again at the end."""
    inputs: Path | None = None
    """A directory that all tasks may read: the staged inputs."""
    pulling: Pulling = field(default_factory=Pulling)
