"""`type: Vars`: from the environment, else from a secret backend."""

from __future__ import annotations

from typing import Any

import pytest

from kedro_vertexai.auth.secret_backend import SecretBackend
from kedro_vertexai.auth.variables import Vars
from kedro_vertexai.errors import AuthError

USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN"))


class Safe(SecretBackend):
    """Holds what it was given, and remembers what it was asked for."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[str] = []

    def get(self, name: str) -> str | None:
        self.asked.append(name)
        return self.values.get(name)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USER, "me")
    safe = Safe(**{USER: "another", PASSWORD: "S3CRET"})
    assert Vars([USER, PASSWORD], safe).obtain_credentials() == {PASSWORD: "S3CRET"}
    assert safe.asked == [PASSWORD]


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "")
    assert Vars([TOKEN], Safe(**{TOKEN: "S3CRET"})).obtain_credentials() == {TOKEN: "S3CRET"}


def test_secrets_of_other_names() -> None:
    found = Vars({TOKEN: "team/token", "EXTRA": None}, Safe(**{"team/token": "t", "EXTRA": "e"}))
    assert found.obtain_credentials() == {TOKEN: "t", "EXTRA": "e"}


def test_a_lines_end_is_left_out() -> None:
    assert Vars([TOKEN], Safe(**{TOKEN: "S3CRET \r\n"})).obtain_credentials() == {TOKEN: "S3CRET "}


def test_other_variables_may_have_lines() -> None:
    assert Vars(["PEM"], Safe(PEM="a\nb\n")).obtain_credentials() == {"PEM": "a\nb"}


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (None, "secrets names no backend"),
        (Safe(), f"Safe holds no secret '{TOKEN}'"),
        (Safe(**{TOKEN: ""}), f"Safe holds nothing in the secret '{TOKEN}'"),
        (Safe(**{TOKEN: "S3CRET\nX-Admin: 1"}), f"the secret '{TOKEN}' of Safe holds a line break"),
    ],
)
def test_what_cannot_be_had(backend: Any, reason: str) -> None:
    with pytest.raises(AuthError, match=reason) as error:
        Vars([TOKEN], backend).obtain_credentials()
    assert TOKEN in str(error.value)
    assert "S3CRET" not in str(error.value)


@pytest.mark.parametrize(("name", "missing"), [(USER, PASSWORD), (PASSWORD, USER)])
def test_half_of_user_and_password_would_go_out_unsigned(name: str, missing: str) -> None:
    with pytest.raises(AuthError, match=f"{name} is of no use to MLflow alone, add {missing}"):
        Vars([name], Safe(**{name: "S3CRET"})).obtain_credentials()


def test_the_other_half_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USER, "me")
    assert Vars([PASSWORD], Safe(**{PASSWORD: "S3CRET"})).obtain_credentials()
