"""The sections of `vertexai.yml` that say how tasks prove to MLflow who they are.

A compiled pipeline holds them, for everyone to read who may read it. So they hold names and
ids, and what looks like a secret is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from kedro_vertexai.config_section import Section
from kedro_vertexai.config_values import CLASS_PATH, VARIABLE, Name, Params, Text
from kedro_vertexai.errors import did_you_mean

GOOGLE, VARS = "GoogleOAuth2", "Vars"
# Of each backend that comes with this package, the params that it takes.
SECRET_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "google-secret-manager": ("project", "location", "version", "prefix"),
    "vault": ("path", "mount", "address", "namespace", "login", "role", "login_mount"),
}

_SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "secret", "token", "key", "apikey", "credentials"}
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def without_secrets(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return them, if no key of theirs, however nested, looks like a secret's.

    Raises:
        ValueError: one does.
    """
    for key, value in params.items():
        if _looks_secret(key):
            raise ValueError(
                f"'{key}' looks like a secret, and the compiled pipeline would show it: let the "
                "class read it from the environment, where run_config.authentication puts it "
                f"(type: {VARS}, with the secret's name)"
            )
        if isinstance(value, Mapping):
            without_secrets({str(name): entry for name, entry in value.items()})
    return params


def _looks_secret(key: str) -> bool:
    words = {word.lower() for word in _WORD.findall(key)}
    # Alone it says nothing, and the documentation of kedro-vertexai 1.0 has `key: value`.
    if words == {"key"}:
        return False
    return bool((words | {word.removesuffix("s") for word in words}) & _SECRET_WORDS)


PublicParams = Annotated[Params, AfterValidator(without_secrets)]
PublicTexts = Annotated[dict[Name, Text], AfterValidator(without_secrets)]


def _one_of_or_class(known: Iterable[str], text: str) -> str:
    if text not in known and not CLASS_PATH.fullmatch(text):
        raise ValueError(
            f"expected {', '.join(known)} or the path of a class{did_you_mean(text, known)}"
        )
    return text


def _handler(text: str) -> str:
    return _one_of_or_class((GOOGLE, VARS), text)


def _backend(text: str) -> str:
    return _one_of_or_class(tuple(SECRET_BACKENDS), text)


class SecretsConfig(Section):
    """Where the values are that a task's environment does not hold."""

    backend: Annotated[Name, AfterValidator(_backend)]
    params: PublicParams = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _params_fit(self) -> SecretsConfig:
        known = SECRET_BACKENDS.get(self.backend, ())
        _check_plain(self.params)
        for name in self.params:
            if known and name not in known:
                hint = did_you_mean(name, known) or f", it takes {', '.join(known)}"
                raise ValueError(f"params: {self.backend} takes no '{name}'{hint}")
        return self


class AuthenticationConfig(Section):
    """How each task authenticates to MLflow, before its first request."""

    none_is_null = True

    type: Annotated[Name, AfterValidator(_handler)] | None = None
    """GoogleOAuth2, Vars, or the path of a class; None does nothing."""
    params: Any = Field(default_factory=dict, repr=False)
    """Of Vars, names of environment variables: a list, or a mapping to names of secrets."""
    secrets: SecretsConfig | None = None

    @model_validator(mode="after")
    def _params_fit(self) -> AuthenticationConfig:
        if self.type == VARS:
            _check_variables(self.params)
        elif not isinstance(self.params, Mapping):
            raise ValueError("params: expected a mapping")
        elif self.type is None and (self.params or self.secrets):
            raise ValueError(f"type: missing, write {GOOGLE}, {VARS} or the path of a class")
        else:
            without_secrets({str(name): value for name, value in self.params.items()})
        _check_plain(self.params)
        if self.type == GOOGLE and (set(self.params) - {"audience"}):
            raise ValueError(f"params: {GOOGLE} takes audience, and nothing else")
        if self.secrets and self.type != VARS:
            raise ValueError(f"secrets: only type: {VARS} reads them")
        return self


def _check_plain(params: object) -> None:
    """Refuse what the pipeline cannot hold: YAML reads 2026-11-24 as a date."""
    try:
        json.dumps(params)
    except (TypeError, ValueError):
        raise ValueError(
            "params: expected text, numbers, true, false, lists and mappings (put a date in quotes)"
        ) from None


def _check_variables(params: object) -> None:
    if not isinstance(params, (list, tuple, Mapping)) or not params:
        raise ValueError(
            "params: expected a list of names of environment variables, such as "
            "[MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD]"
        )
    for name in params:
        if not (isinstance(name, str) and VARIABLE.fullmatch(name)):
            # It may be a value that was put where a name belongs.
            raise ValueError("params: one is no name of an environment variable")
    if isinstance(params, Mapping):
        for name, secret in params.items():
            if secret is not None and not (isinstance(secret, str) and secret.strip()):
                raise ValueError(f"params.{name}: expected the name of a secret")
