"""Where the values are that a task's environment does not hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from kedro_vertexai.class_paths import instantiate
from kedro_vertexai.errors import ConfigError

KEY = "run_config.authentication.secrets"

_PATHS = {
    "google-secret-manager": "kedro_vertexai.auth.secret_manager.GoogleSecretManager",
    "vault": "kedro_vertexai.auth.vault.Vault",
}


class SecretBackend(ABC):
    """Base of every backend. A user's own takes `params` as keyword arguments."""

    @abstractmethod
    def get(self, name: str) -> str | None:
        """The value of a secret, or None if there is no secret of this name.

        Raises:
            AuthError: it cannot be told. The message holds no value.
        """


def load_backend(settings: Mapping[str, Any] | None) -> SecretBackend | None:
    """Make the backend that `run_config.authentication.secrets` names; None where it is not set.

    Raises:
        ConfigError: there is no such class, it is no backend, or its params do not fit.
    """
    if not settings:
        return None
    name = settings["backend"]
    params = settings.get("params") or {}
    backend = instantiate(_PATHS.get(name, name), params, key=KEY, name="backend")
    if not isinstance(backend, SecretBackend):
        base = f"{SecretBackend.__module__}.{SecretBackend.__qualname__}"
        raise ConfigError(f"{KEY}.backend: {name} is no backend, derive it from {base}")
    return backend
