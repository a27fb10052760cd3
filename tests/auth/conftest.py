"""A Google and an MLflow server of our own, and no other network."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import ACCOUNT, AUDIENCE, Clock
from google.auth import credentials, iam
from google.auth.compute_engine import _metadata
from secret_servers import SecretManagerServer, VaultServer
from signed_server import SignedServer
from token_service import Key, TokenService

from kedro_vertexai.auth import environment, provider_params
from kedro_vertexai.auth.mlflow_request_header_provider import DynamicMLFlowRequestHeaderProvider
from kedro_vertexai.auth.newest import Newest, newest
from kedro_vertexai.auth.secret_manager import GoogleSecretManager

IAM_METHODS = {
    "_IAM_IDTOKEN_ENDPOINT": "generateIdToken",
    "_IAM_ENDPOINT": "generateAccessToken",
    "_IAM_SIGNJWT_ENDPOINT": "signJwt",
}


@pytest.fixture(scope="session")
def key() -> Key:
    return Key()


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != "127.0.0.1":
            raise OSError(f"a test asks for {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def clean_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing from the machine's environment, and nothing from the test before."""
    for name in (
        *environment.USER_AND_PASSWORD,
        environment.TOKEN,
        environment.SIGV4,
        environment.AUTH,
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_AUDIENCE",
        "GCP_PROJECT_ID",
        "NETRC",
        *("VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(environment, "_reported", set())
    monkeypatch.setattr(environment, "_looked_for", set())
    monkeypatch.setattr(provider_params, "_given", [])
    monkeypatch.setattr(newest, "_current", Newest()._current)
    monkeypatch.setattr(DynamicMLFlowRequestHeaderProvider, "_instance", None)


@pytest.fixture
def google(key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenService]:
    with TokenService(key) as service:
        for name, method in IAM_METHODS.items():
            url = f"{service.url}/v1/projects/-/serviceAccounts/{{}}:{method}"
            monkeypatch.setattr(iam, name, url)
        # Starts a thread that asks Google itself where an account may be used from.
        monkeypatch.setattr(
            credentials.CredentialsWithRegionalAccessBoundary,
            "_maybe_start_regional_access_boundary_refresh",
            lambda *_: None,
        )
        # google-auth reads GCE_METADATA_HOST when it is imported.
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", service.host)
        monkeypatch.setenv("GCE_METADATA_IP", service.host)
        yield service


@pytest.fixture
def key_file(
    google: TokenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Write a service account's key file and let GOOGLE_APPLICATION_CREDENTIALS name it."""

    def write(address: str = ACCOUNT, **changes: str) -> Path:
        path = tmp_path / "key.json"
        path.write_text(json.dumps({**google.key_file(address), **changes}), "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        return path

    return write


@pytest.fixture
def server(key: Key) -> Iterator[SignedServer]:
    with SignedServer(key, AUDIENCE) as signed:
        yield signed


@pytest.fixture
def vault(key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultServer]:
    """A Vault that VAULT_ADDR and VAULT_TOKEN speak of."""
    with VaultServer(key) as server:
        monkeypatch.setenv("VAULT_ADDR", server.url)
        monkeypatch.setenv("VAULT_TOKEN", server.issue())
        yield server


@pytest.fixture
def secret_manager(
    google: TokenService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretManagerServer]:
    with SecretManagerServer(google) as server:
        monkeypatch.setattr(GoogleSecretManager, "endpoint", server.url)
        yield server


@pytest.fixture
def register() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Register a provider with MLflow as kedro-mlflow does, until the test ends."""
    from mlflow.tracking.request_header import registry

    before = list(registry._request_header_provider_registry._registry)

    def make(provider: Callable[[], Any]) -> Any:
        registry._request_header_provider_registry.register(provider)
        return registry._request_header_provider_registry._registry[-1]

    yield make
    registry._request_header_provider_registry._registry[:] = before


@pytest.fixture
def client(server: SignedServer) -> Any:
    """The real MLflow client of the signed server."""
    from mlflow import MlflowClient

    return MlflowClient(server.url)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog
