"""Credentials in the environment that MLflow prefers to a provider's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from signed_server import SignedServer

from kedro_vertexai.auth.environment import overriding, overriding_files
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)

Register = Callable[[Callable[[], Any]], Any]
WORDS = ("USERNAME", "PASSWORD", "TOKEN", "AWS_SIGV4", "AUTH")
USER, PASSWORD, TOKEN, SIGV4, AUTH = (f"MLFLOW_TRACKING_{word}" for word in WORDS)


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
        ({SIGV4: "false"}, ()),
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


@pytest.mark.parametrize(("environ", "first"), [({SIGV4: "True"}, SIGV4), ({AUTH: "mine"}, AUTH)])
def test_what_beats_user_and_password(environ: dict[str, str], first: str) -> None:
    assert overriding({**environ, USER: "me", PASSWORD: "x"}) == (first, USER, PASSWORD)


class TestFiles:
    """Of the user's, which MLflow and requests read: both really beat a provider."""

    HALF = f"[mlflow]\n{PASSWORD.lower()} = S3CRET\n"
    WHOLE = f"{HALF}{USER.lower()} = me\n"

    def report(
        self, client: Any, register: Register, server: SignedServer, logged: Any
    ) -> list[str]:
        """What is reported; a second request reports nothing more."""
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(server.url)
        register(lambda: Mine(object()))
        try:
            for _ in range(2):
                with pytest.raises(Exception, match="not signed"):
                    client.get_experiment_by_name("signed")
        finally:
            mlflow.set_tracking_uri(before)
        assert "S3CRET" not in logged.text
        reported = [entry.getMessage() for entry in logged.records if "instead of" in entry.msg]
        assert (server.seen[-1][1] == "Bearer mine") is not bool(reported)
        return reported

    @pytest.mark.parametrize("content", [WHOLE, HALF, "no file of this kind"])
    def test_of_mlflow(
        self,
        content: str,
        client: Any,
        server: SignedServer,
        register: Register,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow/credentials").write_text(content, "utf-8")
        if "[" not in content:
            assert overriding_files({}, server.url) == ()
            return
        reported = self.report(client, register, server, caplog)
        assert len(reported) == (content == self.WHOLE)
        assert all(line.startswith("~/.mlflow/credentials: MLflow sends") for line in reported)

    def test_of_mlflow_and_the_environment_together(
        self, tmp_path: Path, server: SignedServer
    ) -> None:
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow/credentials").write_text(self.HALF, "utf-8")
        assert overriding_files({USER: "me"}, server.url) == ("~/.mlflow/credentials",)

    @pytest.mark.parametrize(
        ("entry", "reports"), [("machine 127.0.0.1", 1), ("default", 1), ("machine other", 0)]
    )
    def test_netrc(
        self,
        entry: str,
        reports: int,
        client: Any,
        server: SignedServer,
        register: Register,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (tmp_path / ".netrc").write_text(f"{entry} login me password S3CRET\n", "utf-8")
        (tmp_path / ".netrc").chmod(0o600)
        reported = self.report(client, register, server, caplog)
        assert len(reported) == reports
        assert all(line.startswith("~/.netrc: MLflow sends") for line in reported)


def test_a_provider_out_of_context_conflicts_with_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Elsewhere(Mine):
        def in_context(self) -> bool:
            return False

    monkeypatch.setenv(TOKEN, "S3CRET")
    assert not Elsewhere(object()).in_context()
    assert not caplog.records
