"""HashiCorp Vault, through its HTTP interface: secrets of the engine KV, version 2.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kedro_vertexai.auth.http import TIMEOUT, retrying
from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.auth.secret_backend import KEY, SecretBackend
from kedro_vertexai.auth.vault_login import LOGINS
from kedro_vertexai.errors import AuthError, ConfigError, did_you_mean


class Vault(SecretBackend):
    """Keys of the secret at `path`; `other/path#key` names one of another secret.

    Args:
        path: of the secret that holds the keys.
        mount: where the secrets engine is mounted.
        address: the server's URL; VAULT_ADDR without.
        namespace: of Vault Enterprise; VAULT_NAMESPACE without.
        login: `token` sends VAULT_TOKEN; `kubernetes` and `gcp` log in as `role` first.
        role: the role of that login.
        login_mount: where that login is mounted, if not at its own name.

    Raises:
        ConfigError: there is no address, no such login, or it has no role.
    """

    def __init__(  # noqa: PLR0913 (each is a key of the file)
        self,
        path: str = "",
        *,
        mount: str = "secret",
        address: str = "",
        namespace: str = "",
        login: str = "token",
        role: str = "",
        login_mount: str = "",
    ) -> None:
        self._address = (address or os.environ.get("VAULT_ADDR", "")).rstrip("/")
        self._namespace = namespace or os.environ.get("VAULT_NAMESPACE", "")
        self._mount = mount.strip("/")
        self._path = path.strip("/")
        self._login = login
        self._role = role
        self._login_mount = (login_mount or login).strip("/")
        self._session: Any = None
        self._read: dict[str, Mapping[str, Any] | None] = {}
        if not self._address:
            raise ConfigError(
                f"{KEY}.params: vault needs address, or VAULT_ADDR in the environment"
            )
        if login != "token" and login not in LOGINS:
            known = ("token", *LOGINS)
            raise ConfigError(
                f"{KEY}.params.login: '{login}' is none of {', '.join(known)}"
                f"{did_you_mean(login, known)}"
            )
        if login in LOGINS and not role:
            raise ConfigError(f"{KEY}.params: vault's login {login} needs role")

    def get(self, name: str) -> str | None:
        path, _, key = name.rpartition("#")
        path = path.strip("/") or self._path
        if not path:
            raise ConfigError(f"{KEY}.params: vault needs path, or a secret named path#{key}")
        if path not in self._read:
            answer = self._ask(f"{self._mount}/data/{path}")
            self._read[path] = None if answer is None else _values(answer, path)
        value = (self._read[path] or {}).get(key)
        if value is not None and not isinstance(value, (str, int)):
            raise AuthError(f"Vault: the key '{key}' of {path} is {type(value).__name__}, not text")
        return None if value is None else str(value)

    def _ask(self, path: str) -> Mapping[str, Any] | None:
        """What is at the path, or None.

        Raises:
            AuthError: the server refuses, or does not answer.
        """
        if self._session is None:
            session = self._open()
            session.headers["X-Vault-Token"] = self._token(session)
            self._session = session
        return self._send(self._session, "GET", path)

    def _open(self) -> Any:
        import requests

        session = retrying(requests.Session())
        session.verify = os.environ.get("VAULT_CACERT") or True
        # Vault's agent takes no request that a page or a server was tricked into sending.
        session.headers["X-Vault-Request"] = "true"
        if self._namespace:
            session.headers["X-Vault-Namespace"] = self._namespace
        return session

    def _send(
        self, session: Any, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> Mapping[str, Any] | None:
        url = f"{self._address}/v1/{path}"
        try:
            answer = session.request(method, url, json=body, timeout=TIMEOUT)
            document: Any = answer.json() if answer.ok else None
        except Exception as error:
            problem = f"{path}: {reason_of(error)}"
        else:
            if answer.status_code == 404:
                return None
            if isinstance(document, dict):
                return document
            problem = f"{path} is refused: {_refusal(answer)}"
        raise self._error(problem)

    def _token(self, session: Any) -> str:
        if self._login == "token":
            token = os.environ.get("VAULT_TOKEN", "").strip()
            if not token:
                raise self._error("VAULT_TOKEN is not in the task's environment")
            return token
        try:
            proof = LOGINS[self._login](self._role)
        except Exception as error:
            problem = f"no login by {self._login}: {reason_of(error)}"
        else:
            path = f"auth/{self._login_mount}/login"
            answer = self._send(session, "POST", path, {"role": self._role, "jwt": proof})
            handed_out = ((answer or {}).get("auth") or {}).get("client_token")
            if handed_out:
                return str(handed_out)
            problem = f"{path} hands out no token"
        raise self._error(problem)

    def _error(self, problem: str) -> AuthError:
        return AuthError(f"Vault at {self._address}: {problem}")


def _values(answer: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    data = (answer.get("data") or {}).get("data")
    if not isinstance(data, dict):
        raise AuthError(f"Vault: {path} is no secret of the engine KV, version 2")
    return data


def _refusal(answer: Any) -> str:
    try:
        said = "; ".join(str(entry) for entry in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        said = ""
    return f"{answer.status_code} {said or answer.reason}"
