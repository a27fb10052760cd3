"""One thread at a time fetches a token, and the others wait for it."""

from __future__ import annotations

import os
import threading
from types import TracebackType


class SigningLock:
    """A re-entrant lock that a forked process gets anew, whoever held it in its parent."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


signing_lock = SigningLock()
"""Also around users' providers: `cachetools.cached` without a lock breaks among threads."""
