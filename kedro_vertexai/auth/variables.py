"""`type: Vars`: environment variables, from the environment or else from a secret backend."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from kedro_vertexai.auth.environment import USER_AND_PASSWORD
from kedro_vertexai.auth.handler import KEY, AuthHandler
from kedro_vertexai.auth.secret_backend import SecretBackend
from kedro_vertexai.errors import AuthError

_SENT = "MLFLOW_TRACKING_"
"""What these begin with is sent in a header, which is one line."""


class Vars(AuthHandler):
    """Sets each variable that the environment does not hold to the secret of its name.

    Args:
        names: the variables, or a mapping of them to the names of their secrets.
        backend: asked for what the environment does not hold.
    """

    def __init__(
        self, names: Iterable[str] | Mapping[str, str | None], backend: SecretBackend | None
    ) -> None:
        told = names if isinstance(names, Mapping) else dict.fromkeys(names)
        self._secrets = {variable: secret or variable for variable, secret in told.items()}
        self._backend = backend

    def obtain_credentials(self) -> dict[str, str]:
        """What is to be added to the environment.

        Raises:
            AuthError: a variable is nowhere, or MLflow would send none of what there is.
        """
        found = {
            variable: self._value(variable, secret)
            for variable, secret in self._secrets.items()
            if not os.environ.get(variable)
        }
        _check_pair(self._secrets, {**os.environ, **found})
        return found

    def _value(self, variable: str, secret: str) -> str:
        if self._backend is None:
            raise AuthError(
                f"{KEY}: {variable} is not in the task's environment, and "
                "run_config.authentication.secrets names no backend that holds it"
            )
        value = self._backend.get(secret)
        backend = type(self._backend).__qualname__
        if not value:
            state = "holds no secret" if value is None else "holds nothing in the secret"
            raise AuthError(
                f"{KEY}: {variable} is not in the task's environment, and {backend} {state} "
                f"'{secret}'"
            )
        # Files and shells end a line; no user meant that as a part of a password.
        value = value.rstrip("\r\n")
        whole = value.isprintable() if variable.startswith(_SENT) else "\0" not in value
        if not whole:
            raise AuthError(
                f"{KEY}: the secret '{secret}' of {backend} holds a line break or what else "
                f"{variable} cannot hold"
            )
        return value


def _check_pair(wanted: Iterable[str], environ: Mapping[str, str]) -> None:
    """MLflow takes half of a user and password for neither, and asks unsigned."""
    here = [name for name in USER_AND_PASSWORD if environ.get(name)]
    if len(here) == 1 and here[0] in wanted:
        (missing,) = set(USER_AND_PASSWORD) - set(here)
        raise AuthError(f"{KEY}: {here[0]} is of no use to MLflow alone, add {missing}")
