"""What can go wrong between a client and a service, on demand."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from google_service.errors import GoogleError
from google_service.web import Request


@dataclass(frozen=True)
class Disturbance:
    """What becomes of an answer on its way; `delay` is in seconds."""

    delay: float = 0.0
    reset: bool = False
    truncate: bool = False
    shorten: bool = False
    """Half of the answer, told of as if it were all."""


UNDISTURBED = Disturbance()


@dataclass
class Fault:
    """One thing that goes wrong, a number of times."""

    method: str
    pattern: re.Pattern[str]
    left: int
    error: GoogleError | None
    disturbance: Disturbance
    after: bool
    """Whether the request is carried out first, so that only the answer is lost."""
    met: int = 0
    """How many requests have met it."""


@dataclass
class Faults:
    """The faults that wait for their requests; the oldest comes first."""

    _waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def meet(self, request: Request) -> Fault | None:
        """The fault that this request meets; one time less is left of it."""
        with self._lock:
            for fault in self._waiting:
                if (
                    fault.left
                    and fault.method in (request.method, "*")
                    and fault.pattern.search(request.path)
                ):
                    fault.left -= 1
                    fault.met += 1
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
