"""No request without a valid signature reaches the server; shown with the real MLflow client."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import ACCOUNT, AUDIENCE, Clock
from mlflow.exceptions import MlflowException
from signed_server import SignedServer
from token_service import Key, TokenService

from kedro_vertexai.auth.gcp import MLFlowGoogleOauthRequestHeaderProvider
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)

Register = Callable[[Callable[[], Any]], Any]


class Returning(RequestHeaderProviderWithKedroContext):
    """Returns what it was given."""

    def request_headers(self) -> Any:
        return self.params["headers"]


class Failing(RequestHeaderProviderWithKedroContext):
    def request_headers(self) -> Any:
        raise RuntimeError("the vault is sealed; it said Bearer S3CRETS3CRETS3CRETS3CRET")


class Undecided(RequestHeaderProviderWithKedroContext):
    """Cannot say whether it is in context."""

    def in_context(self) -> bool:
        raise KeyError("my_auth_info")

    def request_headers(self) -> Any:
        return {"Authorization": f"Bearer {self.params['token']}"}


def oauth() -> MLFlowGoogleOauthRequestHeaderProvider:
    return MLFlowGoogleOauthRequestHeaderProvider(object(), client_id=AUDIENCE)


def test_every_request_is_signed(
    client: Any,
    server: SignedServer,
    register: Register,
    key_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    key_file()
    register(oauth)
    experiment = client.get_experiment_by_name("signed")
    run = client.create_run(experiment.experiment_id)
    client.log_metric("r1", "rmse", 0.5, synchronous=False).wait()
    client.log_param("r1", "alpha", 1)
    (tmp_path / "report.txt").write_text("text", "utf-8")
    client.log_artifact(run.info.run_id, str(tmp_path / "report.txt"))
    assert any(path.endswith("report.txt") for path, _ in server.seen)
    assert server.refused == []
    assert len(server.seen) >= 5


def test_tokens_are_renewed_between_requests(
    client: Any,
    server: SignedServer,
    register: Register,
    google: TokenService,
    key_file: Callable[..., Path],
) -> None:
    key_file()
    google.lifetime = 4
    register(oauth)
    end = time.monotonic() + 7
    while time.monotonic() < end:
        client.log_metric("r1", "rmse", 0.5)
        time.sleep(0.1)
    assert server.refused == []
    assert 2 < len(server.tokens) < 6


def test_a_revoked_key_stops_the_requests(
    client: Any,
    server: SignedServer,
    register: Register,
    google: TokenService,
    key_file: Callable[..., Path],
    clock: Clock,
) -> None:
    key_file()
    register(oauth)
    client.get_experiment_by_name("signed")
    google.key_files[ACCOUNT] = Key()
    clock.forward(3600)
    with pytest.raises(MlflowException) as error:
        client.create_run("1")
    assert "MLFlowGoogleOauthRequestHeaderProvider cannot sign the request" in str(error.value)
    assert "invalid_grant: Invalid JWT Signature." in str(error.value)
    assert server.refused == []
    assert len(server.seen) == 1


def test_no_credentials(
    client: Any, server: SignedServer, register: Register, google: TokenService
) -> None:
    register(oauth)
    with pytest.raises(MlflowException, match="no ID token for the audience"):
        client.get_experiment_by_name("signed")
    with pytest.raises(MlflowException, match="no ID token for the audience"):
        client.log_metric("r1", "rmse", 0.5, synchronous=False).wait()
    assert server.seen == []


def test_a_users_provider_that_fails(
    client: Any,
    server: SignedServer,
    register: Register,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    register(lambda: Failing(object()))
    with pytest.raises(MlflowException) as error:
        client.get_experiment_by_name("signed")
    assert "Failing cannot sign the request, so it is not sent" in str(error.value)
    assert "RuntimeError: the vault is sealed; it said ***" in str(error.value)
    assert server.seen == []
    assert "S3CRET" not in everything_logged.text


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (None, "returned NoneType, expected a dict"),
        ("Bearer x", "returned str, expected a dict"),
        ({}, "returned no header; in_context\\(\\) returns False where a request needs none"),
        ({"Authorization": "Bearer None"}, "the header Authorization holds no token"),
        ({"authorization": "Bearer "}, "the header authorization holds no token"),
        ({"Authorization": b"Bearer null"}, "the header Authorization holds no token"),
        ({"Authorization": ""}, "the header Authorization holds no token"),
        ({"Authorization": "None"}, "the header Authorization holds no token"),
        ({"Authorization": None}, "the header Authorization is NoneType"),
        ({"Authorization": "Bearer S3CRET\n"}, "the header Authorization holds a line break"),
        ({"Authorization": "Bearer S3CRET\u2026"}, "the header Authorization holds a line break"),
        ({"X-Team": 7, "Authorization": "Bearer x"}, "the header X-Team is int"),
        ({7: "x"}, "a header's name is int"),
    ],
)
def test_headers_that_prove_nothing(
    client: Any, server: SignedServer, register: Register, headers: Any, reason: str
) -> None:
    register(lambda: Returning(object(), headers=headers))
    with pytest.raises(MlflowException, match=reason) as error:
        client.get_experiment_by_name("signed")
    assert "S3CRET" not in str(error.value)
    assert server.seen == []


def test_a_provider_that_cannot_say_is_asked_for_headers(
    client: Any, server: SignedServer, register: Register
) -> None:
    server.plain = {"Bearer good"}
    register(lambda: Undecided(object(), token="good"))
    assert client.get_experiment_by_name("signed").name == "signed"


@pytest.mark.parametrize("first", [True, False])
def test_another_provider_beside_one_that_fails(
    client: Any, server: SignedServer, register: Register, first: bool
) -> None:
    class Others:
        def in_context(self) -> bool:
            return True

        def request_headers(self) -> dict[str, str]:
            return {"X-Team": "blue"}

    both = [Others, lambda: Failing(object())]
    for provider in both if first else reversed(both):
        register(provider)
    with pytest.raises(MlflowException, match="the vault is sealed"):
        client.get_experiment_by_name("signed")
    assert server.seen == []


def test_a_provider_out_of_context_adds_nothing(
    client: Any, server: SignedServer, register: Register
) -> None:
    class Elsewhere(Failing):
        def in_context(self) -> bool:
            return False

    server.plain = {None}
    register(lambda: Elsewhere(object()))
    assert client.get_experiment_by_name("signed").name == "signed"
