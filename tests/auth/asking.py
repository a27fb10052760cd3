"""Who asks whom in the tests of signing, and a clock that they can turn."""

from __future__ import annotations

import time

AUDIENCE = "12345.apps.googleusercontent.com"
ACCOUNT = "mlflow@test-project.iam.gserviceaccount.com"


class Clock:
    """`time.time()`, which a test may set forward: for providers and for both servers."""

    def __init__(self) -> None:
        self._real = time.time
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._real() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += seconds
