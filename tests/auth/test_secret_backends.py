"""Secret Manager and Vault, over their HTTP interfaces."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from asking import ACCOUNT
from secret_servers import SecretManagerServer, VaultServer
from token_service import MACHINE, TokenService

from kedro_vertexai.auth import vault_login
from kedro_vertexai.auth.google_credentials import acting_as
from kedro_vertexai.auth.secret_backend import SecretBackend, load_backend
from kedro_vertexai.auth.secret_manager import GoogleSecretManager
from kedro_vertexai.auth.vault import Vault
from kedro_vertexai.config_authentication import SECRET_BACKENDS
from kedro_vertexai.errors import AuthError, ConfigError

KeyFile = Callable[..., Path]
RESOURCE = "projects/p/secrets/{}/versions/{}"


@pytest.mark.parametrize(
    ("name", "backend"), [("google-secret-manager", GoogleSecretManager), ("vault", Vault)]
)
def test_params_that_vertexai_yml_takes_are_those_of_the_class(name: str, backend: Any) -> None:
    assert set(SECRET_BACKENDS[name]) == set(signature(backend).parameters)


class InMemory(SecretBackend):
    def __init__(self, **values: str) -> None:
        self.values = values

    def get(self, name: str) -> str | None:
        return self.values.get(name)


class NoBackend: ...


class TestOwnClass:
    def test_it_is_given_its_params(self) -> None:
        backend = load_backend({"backend": f"{__name__}.InMemory", "params": {"a": "b"}})
        assert backend is not None
        assert backend.get("a") == "b"

    def test_another_class_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"secrets.backend: .*NoBackend is no backend"):
            load_backend({"backend": f"{__name__}.NoBackend"})


class TestSecretManager:
    def test_a_secret_of_the_project(
        self, secret_manager: SecretManagerServer, google: TokenService
    ) -> None:
        google.is_machine = True
        secret_manager.readers = {MACHINE}
        secret_manager.secrets[RESOURCE.format("mlflow-user", "latest")] = "jürgen".encode()
        backend = GoogleSecretManager(project="p", prefix="mlflow-")
        assert backend.get("user") == "jürgen"
        assert backend.get("absent") is None

    def test_project_and_version(
        self,
        secret_manager: SecretManagerServer,
        key_file: KeyFile,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        key_file()
        secret_manager.readers = {ACCOUNT}
        secret_manager.secrets[RESOURCE.format("user", "7")] = b"old"
        monkeypatch.setenv("GCP_PROJECT_ID", "p")
        assert GoogleSecretManager(version="7").get("user") == "old"

    def test_regional_secrets_are_asked_of_the_region(
        self,
        secret_manager: SecretManagerServer,
        monkeypatch: pytest.MonkeyPatch,
        key_file: KeyFile,
    ) -> None:
        key_file()
        monkeypatch.setattr(
            "kedro_vertexai.auth.secret_manager._REGIONAL", f"{secret_manager.url}/{{}}"
        )
        secret_manager.failures = [(404, {})]
        assert GoogleSecretManager(project="p", location="europe-west3").get("user") is None
        path = "/europe-west3/v1/projects/p/locations/europe-west3/secrets/user/versions/latest"
        assert secret_manager.asked == [f"GET {path}:access"]

    def test_as_a_service_account(
        self, secret_manager: SecretManagerServer, google: TokenService
    ) -> None:
        google.is_machine = True
        google.impersonators[ACCOUNT] = {MACHINE}
        secret_manager.readers = {ACCOUNT}
        secret_manager.secrets[RESOURCE.format("user", "latest")] = b"me"
        with acting_as(ACCOUNT):
            assert GoogleSecretManager(project="p").get("user") == "me"

    def test_without_the_right_to_read(
        self, secret_manager: SecretManagerServer, key_file: KeyFile
    ) -> None:
        key_file()
        with pytest.raises(AuthError) as error:
            GoogleSecretManager(project="p").get("user")
        assert str(error.value) == (
            f"Secret Manager: {RESOURCE.format('user', 'latest')} cannot be read: 403 Permission "
            "'secretmanager.versions.access' denied. Whoever runs this needs "
            "roles/secretmanager.secretAccessor on the secret"
        )

    def test_without_credentials(self, secret_manager: SecretManagerServer) -> None:
        with pytest.raises(AuthError, match="cannot be read: DefaultCredentialsError"):
            GoogleSecretManager(project="p").get("user")
        assert secret_manager.asked == []

    def test_a_busy_server_is_asked_again(
        self, secret_manager: SecretManagerServer, key_file: KeyFile
    ) -> None:
        key_file()
        secret_manager.readers = {ACCOUNT}
        secret_manager.secrets[RESOURCE.format("user", "latest")] = b"me"
        secret_manager.failures = [(503, {"error": {"message": "busy"}})]
        assert GoogleSecretManager(project="p").get("user") == "me"

    def test_bytes_that_are_no_text(
        self, secret_manager: SecretManagerServer, key_file: KeyFile
    ) -> None:
        key_file()
        secret_manager.readers = {ACCOUNT}
        secret_manager.secrets[RESOURCE.format("user", "latest")] = b"S3CRET\xff"
        with pytest.raises(AuthError, match="holds no text") as error:
            GoogleSecretManager(project="p").get("user")
        assert error.value.__context__ is None

    def test_no_project(self) -> None:
        with pytest.raises(ConfigError, match="google-secret-manager needs project"):
            GoogleSecretManager()


class TestVault:
    def test_keys_of_one_secret_are_read_at_once(self, vault: VaultServer) -> None:
        vault.secrets["mlflow/production"] = {"user": "me", "pin": 7}
        backend = Vault(path="/mlflow/production")
        assert (backend.get("user"), backend.get("pin"), backend.get("no")) == ("me", "7", None)
        assert vault.asked == ["GET /v1/secret/data/mlflow/production"]

    def test_a_key_of_another_secret(self, vault: VaultServer) -> None:
        vault.secrets |= {"one": {"user": "me"}, "other/two": {"password": "S3CRET"}}
        backend = Vault(path="one")
        assert (backend.get("user"), backend.get("other/two#password")) == ("me", "S3CRET")

    def test_a_secret_that_is_not_there(self, vault: VaultServer) -> None:
        assert Vault(path="none").get("user") is None

    def test_address_mount_and_namespace(
        self, vault: VaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
        vault.namespace = "team"
        vault.secrets["a"] = {"user": "me"}
        assert Vault(path="a", address=f"{vault.url}/", namespace="team").get("user") == "me"
        Vault(path="a", address=vault.url, namespace="team", mount="kv").get("user")
        assert vault.asked[-1] == "GET /v1/kv/data/a"

    def test_a_token_that_is_not_valid(
        self, vault: VaultServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VAULT_TOKEN", "hvs.S3CRET")
        with pytest.raises(AuthError) as error:
            Vault(path="a").get("user")
        assert str(error.value) == (
            f"Vault at {vault.url}: secret/data/a is refused: 403 permission denied"
        )

    def test_no_token(self, vault: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("VAULT_TOKEN")
        backend = Vault(path="a")
        for _ in range(2):
            with pytest.raises(AuthError, match="VAULT_TOKEN is not in the task's environment"):
                backend.get("user")
        assert vault.asked == []

    def test_login_as_a_pod(
        self, vault: VaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("VAULT_TOKEN")
        (tmp_path / "token").write_text("pod's own\n", "utf-8")
        monkeypatch.setattr(vault_login, "SERVICE_ACCOUNT_TOKEN", tmp_path / "token")
        vault.pods = {"pod's own"}
        vault.secrets["a"] = {"user": "me"}
        assert Vault(path="a", login="kubernetes", role="tasks").get("user") == "me"

    def test_login_that_is_refused(
        self, vault: VaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("another's", "utf-8")
        monkeypatch.setattr(vault_login, "SERVICE_ACCOUNT_TOKEN", tmp_path / "token")
        backend = Vault(path="a", login="kubernetes", role="tasks")
        for _ in range(2):
            with pytest.raises(AuthError, match="auth/kubernetes/login is refused: 403"):
                backend.get("user")
        assert vault.asked == 2 * ["POST /v1/auth/kubernetes/login"]

    def test_login_outside_of_a_pod(self, vault: VaultServer) -> None:
        with pytest.raises(AuthError, match="no login by kubernetes: FileNotFoundError"):
            Vault(path="a", login="kubernetes", role="tasks").get("user")

    def test_login_with_what_google_signs(self, vault: VaultServer, google: TokenService) -> None:
        google.is_machine = True
        google.impersonators[MACHINE] = {MACHINE}
        vault.secrets["a"] = {"user": "me"}
        backend = Vault(path="a", login="gcp", role="tasks", login_mount="google")
        assert backend.get("user") == "me"

    def test_google_signs_nothing_without_the_role(
        self, vault: VaultServer, google: TokenService
    ) -> None:
        google.is_machine = True
        with pytest.raises(AuthError, match=r"roles/iam.serviceAccountTokenCreator on itself"):
            Vault(path="a", login="gcp", role="tasks").get("user")

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"<html>", "secret/data/a: JSONDecodeError"),
            ({"data": {"user": "S3CRET"}}, "a is no secret of the engine KV, version 2"),
            ({"data": {"data": {"user": ["S3CRET"]}}}, "the key 'user' of a is list, not text"),
        ],
    )
    def test_an_answer_that_is_no_secret(
        self, vault: VaultServer, answer: Any, reason: str
    ) -> None:
        vault.failures = [(200, answer)]
        with pytest.raises(AuthError, match=reason) as error:
            Vault(path="a").get("user")
        assert "S3CRET" not in str(error.value)

    @pytest.mark.parametrize(
        ("params", "reason"),
        [
            ({"address": ""}, "vault needs address, or VAULT_ADDR"),
            ({"address": "http://v", "login": "kubernets"}, "did you mean 'kubernetes'"),
            ({"address": "http://v", "login": "gcp"}, "login gcp needs role"),
        ],
    )
    def test_params_that_cannot_work(self, params: dict[str, str], reason: str) -> None:
        with pytest.raises(ConfigError, match=reason):
            Vault(path="a", **params)
