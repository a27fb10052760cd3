"""What a task does with `run_config.authentication`, in its process and with its context."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asking import ACCOUNT, AUDIENCE
from google.auth import jwt
from project_factory import KedroProject
from token_service import TokenService

from kedro_vertexai.auth.handler import AuthHandler
from kedro_vertexai.auth.mlflow_request_header_provider import (
    DynamicMLFlowRequestHeaderProvider,
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.errors import AuthError, ConfigError, TaskError
from kedro_vertexai.project_config import config_loader
from kedro_vertexai.runtime.authentication import Authentication

GOOGLE = {"type": "GoogleOAuth2", "params": {"audience": AUDIENCE}}
PROVIDER = "kedro_vertexai.auth.gcp.MLFlowGoogleIAMRequestHeaderProvider"


class Context:
    """What of Kedro's context is needed: the loader of a project."""

    def __init__(self, project: KedroProject) -> None:
        project.bootstrap()
        self.project_path = project.path
        self.config_loader = config_loader(project.path, "local", {})

    @property
    def options(self) -> Any:
        return self.config_loader["mlflow"]["server"]["request_header_provider"]


class Login(AuthHandler):
    """A user's own: obtains what it was given."""

    def __init__(self, obtained: Any) -> None:
        self.obtained = obtained

    def obtain_credentials(self) -> Mapping[str, str]:
        if isinstance(self.obtained, str):
            raise RuntimeError(self.obtained)
        return self.obtained


class TeamProvider(RequestHeaderProviderWithKedroContext):
    def request_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.params['team']}"}


class TeamLogin(AuthHandler):
    def __init__(self, team: str) -> None:
        self.team = team

    def request_header_provider(self, context: Any) -> TeamProvider:
        return TeamProvider(context, team=self.team)


def own(handler: type, **params: Any) -> Authentication:
    return Authentication({"type": f"{__name__}.{handler.__name__}", "params": params})


def project_of(
    new_project: Callable[..., KedroProject], provider: Mapping[str, Any] | None = None
) -> Context:
    server: dict[str, Any] = {"mlflow_tracking_uri": "http://127.0.0.1:9"}
    if provider:
        server["request_header_provider"] = provider
    return Context(new_project(mlflow={"server": server}))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever gets into it is taken out again."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


class TestEnvironment:
    def test_variables_are_set(self) -> None:
        own(Login, obtained={"MLFLOW_TRACKING_TOKEN": "S3CRET"}).begin()
        assert os.environ["MLFLOW_TRACKING_TOKEN"] == "S3CRET"

    def test_those_of_a_backend(self) -> None:
        secrets = {"backend": "test_variables.Safe", "params": {"MINE": "x"}}
        Authentication({"type": "Vars", "params": ["MINE"], "secrets": secrets}).begin()
        assert os.environ["MINE"] == "x"

    @pytest.mark.parametrize(
        ("obtained", "reason"),
        [
            ("no, Bearer S3CRETS3CRETS3CRETS3CRET", "no credentials: RuntimeError: no, \\*\\*\\*"),
            (["S3CRET"], r"obtain_credentials\(\) returned list, expected a dict"),
            ({"A": 7}, "obtained int for A, expected text"),
            ({"A": "S3CRET\0"}, "obtained str for A, expected text"),
            ({"S3CRET=": "x"}, "obtained what has no environment variable's name"),
        ],
    )
    def test_what_is_none(self, obtained: Any, reason: str) -> None:
        with pytest.raises(TaskError, match=reason) as error:
            own(Login, obtained=obtained).begin()
        assert "S3CRET" not in str(error.value)
        assert error.value.__context__ is None
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"type": f"{__name__}.Context"}, "params: they do not fit"),
            ({"type": "pathlib.Path"}, "pathlib.Path is no handler"),
            ({"type": "pathlib.Pat"}, r"authentication.type: 'pathlib' has no class 'Pat'"),
            ({"type": "GoogleOAuth2"}, "write params.audience, or set GOOGLE_AUDIENCE"),
        ],
    )
    def test_a_type_that_cannot_be_made(self, settings: Any, reason: str) -> None:
        with pytest.raises(ConfigError, match=reason):
            Authentication(settings)

    def test_a_document_of_another_version(self) -> None:
        for document in ("[]", "{"):
            with pytest.raises(TaskError, match="another version of kedro-vertexai"):
                Authentication.parse(document)


class TestProviderParameters:
    given: ClassVar[dict[str, str]] = {"client_id": "of vertexai.yml", "service_account": ACCOUNT}

    def complete(self, context: Context) -> None:
        Authentication.parse(json.dumps({"provider_params": self.given})).context_created(context)

    def test_they_lie_below_those_of_mlflow_yml(
        self, new_project: Callable[..., KedroProject]
    ) -> None:
        provider = {"type": PROVIDER, "init_kwargs": {"client_id": "of mlflow.yml"}}
        context = project_of(new_project, provider)
        self.complete(context)
        assert context.options["init_kwargs"] == {**self.given, "client_id": "of mlflow.yml"}
        assert context.options["type"] == PROVIDER

    def test_mlflow_yml_may_say_nothing_of_them(
        self, new_project: Callable[..., KedroProject]
    ) -> None:
        context = project_of(new_project, {"type": PROVIDER, "pass_context": True})
        self.complete(context)
        assert context.options["init_kwargs"] == self.given

    def test_without_a_provider_there_is_nobody_to_give_them_to(
        self, new_project: Callable[..., KedroProject]
    ) -> None:
        context = project_of(new_project)
        self.complete(context)
        assert "request_header_provider" not in context.config_loader["mlflow"]["server"]


class TestProviders:
    def headers(self) -> dict[str, Any]:
        return DynamicMLFlowRequestHeaderProvider().request_headers()

    @pytest.mark.parametrize("by_params", [True, False])
    def test_google_signs_for_the_audience(
        self,
        by_params: bool,
        new_project: Callable[..., KedroProject],
        key_file: Callable[..., Path],
    ) -> None:
        key_file()
        os.environ["GOOGLE_AUDIENCE"] = "other" if by_params else AUDIENCE
        settings = GOOGLE if by_params else {"type": "GoogleOAuth2"}
        authentication = Authentication(settings)
        authentication.begin()
        authentication.context_created(project_of(new_project))
        token = self.headers()["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, verify=False)
        assert (claims["aud"], claims["sub"]) == (AUDIENCE, ACCOUNT)
        assert token not in str(os.environ)

    def test_a_newer_context_signs_anew(
        self,
        new_project: Callable[..., KedroProject],
        key_file: Callable[..., Path],
        google: TokenService,
    ) -> None:
        key_file()
        authentication = Authentication(GOOGLE)
        for _ in range(2):
            authentication.context_created(project_of(new_project))
            assert self.headers()
        assert len(google.issued) == 2

    def test_without_credentials_no_request_goes_out(
        self, new_project: Callable[..., KedroProject], google: TokenService
    ) -> None:
        Authentication(GOOGLE).context_created(project_of(new_project))
        with pytest.raises(AuthError, match="no ID token for the audience"):
            str(self.headers()["Authorization"])

    def test_two_would_both_sign(self, new_project: Callable[..., KedroProject]) -> None:
        context = project_of(new_project, {"type": PROVIDER})
        with pytest.raises(ConfigError) as error:
            Authentication(GOOGLE).context_created(context)
        assert str(error.value) == (
            f"run_config.authentication: GoogleOAuth2 and {PROVIDER}, "
            "server.request_header_provider of mlflow.yml, would both sign: take one of them out"
        )

    def test_a_users_own(self, new_project: Callable[..., KedroProject]) -> None:
        authentication = own(TeamLogin, team="blue")
        authentication.begin()
        authentication.context_created(project_of(new_project))
        assert self.headers() == {"Authorization": "Bearer blue"}
