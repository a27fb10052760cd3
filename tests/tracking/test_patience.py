"""One number of seconds in `vertexai.yml`, and what MLflow makes of it."""

from __future__ import annotations

import pytest
from urllib3.util import Retry

from kedro_vertexai.tracking.patience import FACTOR, RETRIES, be_patient, retry_settings


def seconds_waited(settings: dict[str, str]) -> float:
    """As urllib3 itself waits."""
    tries = int(settings[RETRIES])
    retry = Retry(total=tries, backoff_factor=float(settings[FACTOR]))
    waited = 0.0
    for _ in range(tries):
        retry = retry.increment("GET", "/", error=ConnectionError())
        waited += retry.get_backoff_time()
    return waited


@pytest.mark.parametrize("retry_for", [2, 6, 14, 30, 60, 100, 300, 1000])
def test_waits_fill_the_time_and_do_not_pass_it(retry_for: float) -> None:
    waited = seconds_waited(retry_settings(retry_for))
    assert retry_for * 0.85 <= waited <= retry_for


@pytest.mark.parametrize(("retry_for", "tries"), [(0, "0"), (0.5, "1"), (1, "1"), (60, "5")])
def test_the_number_of_further_attempts(retry_for: float, tries: str) -> None:
    assert retry_settings(retry_for)[RETRIES] == tries


def test_what_the_environment_says_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RETRIES, "3")
    monkeypatch.delenv(FACTOR, raising=False)
    be_patient(60)
    import os

    assert os.environ[RETRIES] == "3"
