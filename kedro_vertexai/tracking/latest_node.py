"""Tell the run which node has started last, without a request for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Seconds between two requests that say nothing else.
_BETWEEN_NODES = 5.0


class LatestNode:
    """The node that a reader of the run is told of.

    Nodes of a group may start faster than the server should be asked. One that starts too soon
    after another is told of a moment later, unless a third has started by then.

    Args:
        tell: tells the server of a node; called in a thread of its own.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told_at: float | None = None
        self._timer: threading.Timer | None = None

    def is_due(self) -> bool:
        """Whether the server may be told of the next node at once."""
        return self._left() <= 0

    def told(self) -> None:
        """Note that the server has been told of the node that runs now."""
        self.stop()
        self._told_at = time.monotonic()

    def later(self, node: str) -> None:
        """Tell the server of this node as soon as it may be told."""
        self.stop()
        self._timer = threading.Timer(max(self._left(), 0), self._act, (node,))
        # A node that hangs must not be kept alive by this.
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Tell of no node any more; waits for a request that is on its way, but not for long."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join(_BETWEEN_NODES)

    def _act(self, node: str) -> None:
        self._tell(node)
        self._told_at = time.monotonic()

    def _left(self) -> float:
        if self._told_at is None:
            return 0
        return self._told_at + _BETWEEN_NODES - time.monotonic()
