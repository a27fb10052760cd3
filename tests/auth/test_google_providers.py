"""The providers for Google, with the real google-auth against token endpoints of our own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asking import ACCOUNT, AUDIENCE, Clock
from google.auth import jwt
from google.oauth2 import credentials
from token_service import MACHINE, Key, TokenService

from kedro_vertexai.auth.gcp import (
    MLFlowGoogleIAMRequestHeaderProvider,
    MLFlowGoogleOauthRequestHeaderProvider,
    own_id_token,
)
from kedro_vertexai.errors import AuthError, ConfigError

KeyFile = Callable[..., Path]
PERSON = "person@example.com"
CALLER = "caller@test-project.iam.gserviceaccount.com"


def iam_provider() -> MLFlowGoogleIAMRequestHeaderProvider:
    return MLFlowGoogleIAMRequestHeaderProvider(
        object(), client_id=AUDIENCE, service_account=ACCOUNT
    )


def oauth_provider() -> MLFlowGoogleOauthRequestHeaderProvider:
    return MLFlowGoogleOauthRequestHeaderProvider(object(), client_id=AUDIENCE)


def claims_of(provider: Any) -> Any:
    scheme, _, token = provider.request_headers()["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return jwt.decode(token, verify=False)


def refusal_of(provider: Any) -> str:
    """Why the provider lets no request out."""
    with pytest.raises(AuthError) as error:
        str(provider.request_headers()["Authorization"])
    return str(error.value)


def test_oauth_signs_as_the_key_file_says(key_file: KeyFile) -> None:
    key_file()
    provider = oauth_provider()
    assert provider.in_context()
    claims = claims_of(provider)
    assert (claims["aud"], claims["sub"]) == (AUDIENCE, ACCOUNT)


def test_oauth_signs_as_the_machine(google: TokenService) -> None:
    google.is_machine = True
    assert claims_of(oauth_provider())["sub"] == MACHINE


@pytest.mark.parametrize("on_a_machine", [True, False])
def test_iam_signs_as_the_service_account(
    google: TokenService, key_file: KeyFile, on_a_machine: bool
) -> None:
    google.is_machine = on_a_machine
    if not on_a_machine:
        key_file(CALLER)
    google.impersonators[ACCOUNT] = {MACHINE, CALLER}
    claims = claims_of(iam_provider())
    assert (claims["aud"], claims["sub"], claims["email"]) == (AUDIENCE, ACCOUNT, ACCOUNT)


def log_in(google: TokenService, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `gcloud auth application-default login` does."""
    login = {
        "type": "authorized_user",
        "client_id": "1",
        "client_secret": "1",
        "refresh_token": PERSON,
        "token_uri": f"{google.url}/token",
    }
    path.write_text(json.dumps(login), "utf-8")
    # What the file says of it is not read.
    monkeypatch.setattr(credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", login["token_uri"])
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


def test_a_person_may_impersonate(
    google: TokenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(google, tmp_path / "login.json", monkeypatch)
    google.impersonators[ACCOUNT] = {PERSON}
    assert claims_of(iam_provider())["sub"] == ACCOUNT


def test_a_person_has_no_id_token_of_their_own(
    google: TokenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(google, tmp_path / "login.json", monkeypatch)
    assert "a person's own gcloud login has none" in refusal_of(oauth_provider())


def test_iam_without_the_right_to_impersonate(google: TokenService, key_file: KeyFile) -> None:
    key_file(CALLER)
    reason = refusal_of(iam_provider())
    assert "getOpenIdToken' denied" in reason
    assert f"as {ACCOUNT}" in reason
    assert "roles/iam.serviceAccountTokenCreator" in reason
    assert "\n" not in reason


def test_token_is_kept(google: TokenService, key_file: KeyFile) -> None:
    key_file()
    provider = oauth_provider()
    assert len({provider.request_headers()["Authorization"] for _ in range(50)}) == 1
    assert len(google.issued) == 1


def test_a_token_for_seconds_is_kept_and_renewed_in_time(
    google: TokenService, key_file: KeyFile
) -> None:
    key_file()
    google.lifetime = 2
    provider = oauth_provider()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert claims_of(provider)["exp"] > time.time()
        time.sleep(0.05)
    assert 2 <= len(google.issued) <= 4


def test_a_token_of_an_hour_is_renewed_minutes_before(
    google: TokenService, key_file: KeyFile, clock: Clock
) -> None:
    key_file()
    provider = oauth_provider()
    for seconds, tokens in ((0, 1), (3300, 1), (100, 2)):
        clock.forward(seconds)
        provider.request_headers()
        assert len(google.issued) == tokens


def test_many_threads_fetch_once(google: TokenService, key_file: KeyFile) -> None:
    key_file()
    google.delay = 0.2
    provider = oauth_provider()
    together = threading.Barrier(16)

    def ask() -> str:
        together.wait()
        return provider.request_headers()["Authorization"]

    with ThreadPoolExecutor(16) as pool:
        tokens = {future.result() for future in [pool.submit(ask) for _ in range(16)]}
    assert len(tokens) == len(google.issued) == 1


def test_a_revoked_key(google: TokenService, key_file: KeyFile, clock: Clock) -> None:
    key_file()
    provider = oauth_provider()
    claims_of(provider)
    google.key_files[ACCOUNT] = Key()
    clock.forward(3600)
    reason = refusal_of(provider)
    assert "invalid_grant: Invalid JWT Signature. It is made" in reason
    assert AUDIENCE in reason
    assert "a key file that is still valid" in reason


def test_a_new_key_file_is_read(google: TokenService, key_file: KeyFile, clock: Clock) -> None:
    key_file()
    provider = oauth_provider()
    claims_of(provider)
    google.key_files[ACCOUNT] = Key()
    clock.forward(3600)
    assert "invalid_grant" in refusal_of(provider)
    key_file()
    assert claims_of(provider)["sub"] == ACCOUNT


def test_the_present_token_serves_while_a_renewal_fails(
    google: TokenService, key_file: KeyFile, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    key_file()
    provider = oauth_provider()
    first = provider.request_headers()["Authorization"]
    valid, google.key_files[ACCOUNT] = google.key_files[ACCOUNT], Key()
    clock.forward(3500)
    for _ in range(3):
        assert provider.request_headers()["Authorization"] == first
    # The next attempt waits for a quarter of what is left.
    (warning,) = caplog.messages
    assert "the present one expires in " in warning
    google.key_files[ACCOUNT] = valid
    clock.forward(30)
    assert provider.request_headers()["Authorization"] != first


def test_no_credentials_at_all(google: TokenService) -> None:
    reason = refusal_of(oauth_provider())
    assert "GOOGLE_APPLICATION_CREDENTIALS" in reason
    assert "a person's own gcloud login has none" in reason


def test_token_endpoint_that_cannot_be_reached(key_file: KeyFile, google: TokenService) -> None:
    key_file(token_uri="http://127.0.0.1:9/token")
    assert "127.0.0.1" in refusal_of(oauth_provider())


@pytest.mark.parametrize("answer", ["S3CRET", "S3CRET.eyJhIjoxfQ.S3CRET", "", 7])
def test_an_answer_that_is_no_token(google: TokenService, key_file: KeyFile, answer: Any) -> None:
    key_file()
    google.answer = answer
    reason = refusal_of(oauth_provider())
    assert "no ID token for the audience" in reason
    assert "S3CRET" not in reason


def test_the_token_is_nowhere_else(
    google: TokenService,
    key_file: KeyFile,
    tmp_path: Path,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    key_file(CALLER)
    google.impersonators[ACCOUNT] = {CALLER}
    provider = iam_provider()
    token = provider.request_headers()["Authorization"].removeprefix("Bearer ")
    (access_token,) = google.access_tokens
    google.impersonators.clear()
    refused = iam_provider().request_headers()["Authorization"]
    with pytest.raises(AuthError) as error:
        str(refused)
    assert error.value.__cause__ is error.value.__context__ is None
    written = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file())
    for secret in (token, access_token, *google.access_tokens):
        for text in (everything_logged.text, repr(provider), str(vars(provider)), written):
            assert secret not in text
        assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("provider", "params", "missing"),
    [
        (MLFlowGoogleIAMRequestHeaderProvider, {}, "client_id and service_account"),
        (MLFlowGoogleIAMRequestHeaderProvider, {"client_id": AUDIENCE}, "service_account"),
        (MLFlowGoogleIAMRequestHeaderProvider, {"service_account": ACCOUNT}, "client_id"),
        (MLFlowGoogleOauthRequestHeaderProvider, {}, "client_id"),
        (MLFlowGoogleOauthRequestHeaderProvider, {"client_id": " "}, "client_id"),
        (MLFlowGoogleOauthRequestHeaderProvider, {"client_id": None}, "client_id"),
    ],
)
def test_a_missing_parameter(provider: Any, params: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigError) as error:
        provider(object(), **params)
    assert str(error.value) == (
        f"{provider.__name__} needs {missing}: add it to "
        "server.request_header_provider.init_kwargs in mlflow.yml, or to "
        "run_config.mlflow.request_header_provider_params in vertexai.yml"
    )


def test_nothing_is_asked_before_the_first_request(google: TokenService) -> None:
    google.is_machine = True
    provider = iam_provider()
    assert provider.in_context()
    assert not google.access_tokens


def test_token_alone_raises(google: TokenService) -> None:
    with pytest.raises(AuthError, match="no ID token for the audience"):
        own_id_token(AUDIENCE).value()
