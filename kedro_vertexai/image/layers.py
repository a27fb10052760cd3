"""What an engine says of each layer of an image that it sends or fetches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro_vertexai.image.progress import LayerReporter

_THERE = "there already"


@dataclass(frozen=True)
class LayerWords:
    """The engine's words for one direction, and ours for the same.

    Args:
        moving: the state in which it counts bytes.
        done: by each state in which a layer is there, what to say of it.
    """

    moving: str
    done: Mapping[str, str]

    def tell(self, event: Mapping[str, Any], reporter: LayerReporter) -> None:
        """Hand on one event, if it is of a layer."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        if status == self.moving:
            detail = event.get("progressDetail") or {}
            reporter.moved(layer, int(detail.get("current", 0)), int(detail.get("total", 0)))
            return
        for beginning, how in self.done.items():
            if status.startswith(beginning):
                reporter.done(layer, how)


# https://github.com/moby/moby/blob/master/distribution/push_v2.go
PUSHED = LayerWords(
    moving="Pushing",
    done={"Pushed": "pushed", "Layer already exists": _THERE, "Mounted from": _THERE},
)
# https://github.com/moby/moby/blob/master/distribution/xfer/download.go
PULLED = LayerWords(
    moving="Downloading", done={"Pull complete": "pulled", "Already exists": _THERE}
)
