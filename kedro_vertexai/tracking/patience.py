"""For how long a request to MLflow is tried again: MLflow's own settings from one number."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
FACTOR = "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"
TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"

# What MLflow and urllib3 go up to: mlflow.environment_variables, urllib3.Retry.
_MOST_RETRIES = 10
_MOST_FACTOR = 120
_LONGEST_WAIT = 120
# Seconds for one attempt: MLflow's own default, and the least that a busy server needs.
_LONGEST_ATTEMPT = 120
_SHORTEST_ATTEMPT = 5


def retry_settings(retry_for: float) -> dict[str, str]:
    """MLflow's settings under which a request is tried again for about so many seconds.

    Args:
        retry_for: seconds from the first failure to the last attempt, up to a second of
            MLflow's jitter for each wait not counted. Below two, the only further attempt is
            made at once; 0 makes none.
    """
    most = _MOST_RETRIES if retry_for > 0 else 0
    choices = [(r, f) for r in range(2, most + 1) for f in range(1, _MOST_FACTOR + 1)]
    fitting = [choice for choice in choices if _waits(*choice) <= retry_for]
    # The longest; of those the one with the most attempts.
    retries, factor = max(fitting, key=lambda c: (_waits(*c), c[0]), default=(min(most, 1), 1))
    return {RETRIES: str(retries), FACTOR: str(factor)}


def be_patient(retry_for: float) -> None:
    """Let every request of this process be tried again, unless its environment says otherwise."""
    for name, value in retry_settings(retry_for).items():
        os.environ.setdefault(name, value)


@contextmanager
def soon(retry_for: float) -> Iterator[None]:
    """Give a server that does not answer, within this block, no more than `retry_for` again.

    Only around our own small requests: a node may have an artifact to send, for which a server
    takes its time.
    """
    attempts = int(os.environ.get(RETRIES) or 0) + 1
    seconds = int(min(max(retry_for / attempts, _SHORTEST_ATTEMPT), _LONGEST_ATTEMPT))
    with _environment({TIMEOUT: os.environ.get(TIMEOUT) or str(seconds)}):
        yield


@contextmanager
def without_retries() -> Iterator[None]:
    """Ask once, within this block: for what is not worth waiting for."""
    with _environment({RETRIES: "0", TIMEOUT: str(_SHORTEST_ATTEMPT)}):
        yield


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _waits(retries: int, factor: int) -> int:
    """Seconds that urllib3 waits in all: not before the first attempt after the first failure."""
    return sum(min(factor * 2**number, _LONGEST_WAIT) for number in range(1, retries))
