"""Credentials in the environment that MLflow prefers to a provider's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from signed_server import SignedServer

from kedro_vertexai.auth.environment import overriding
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)

Register = Callable[[Callable[[], Any]], Any]
USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN"))


class Mine(RequestHeaderProviderWithKedroContext):
    def request_headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer mine"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ()),
        ({TOKEN: ""}, ()),
        ({USER: "me"}, ()),
        ({PASSWORD: "S3CRET"}, ()),
        ({TOKEN: "S3CRET"}, (TOKEN,)),
        ({USER: "me", PASSWORD: "S3CRET"}, (USER, PASSWORD)),
        ({USER: "me", PASSWORD: "S3CRET", TOKEN: "S3CRET"}, (USER, PASSWORD, TOKEN)),
    ],
)
def test_what_beats_a_provider(
    environ: dict[str, str],
    expected: tuple[str, ...],
    client: Any,
    server: SignedServer,
    register: Register,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is reported once, and MLflow really prefers it."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert overriding(environ) == expected
    register(lambda: Mine(object()))
    for _ in range(2):
        with pytest.raises(Exception, match="not signed"):
            client.get_experiment_by_name("signed")
    assert (server.seen[-1][1] == "Bearer mine") is not bool(expected)
    reports = [record.getMessage() for record in caplog.records if "instead of" in record.msg]
    assert len(reports) == bool(expected)
    if expected:
        assert reports[0].startswith(f"{', '.join(expected)}: MLflow sends")
        assert "what Mine signs" in reports[0]
    assert "S3CRET" not in caplog.text


def test_a_provider_out_of_context_conflicts_with_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Elsewhere(Mine):
        def in_context(self) -> bool:
            return False

    monkeypatch.setenv(TOKEN, "S3CRET")
    assert not Elsewhere(object()).in_context()
    assert not caplog.records
