"""kedro-mlflow registers a provider for every context; MLflow joins the headers of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asking import AUDIENCE
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from signed_server import SignedServer
from token_service import TokenService

from kedro_vertexai.auth.gcp import MLFlowGoogleOauthRequestHeaderProvider
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.errors import ConfigError

Register = Callable[[Callable[[], Any]], Any]


class Fixed(RequestHeaderProviderWithKedroContext):
    def request_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.params['token']}"}


class Team(RequestHeaderProviderWithKedroContext):
    def __init__(self, kedro_context: Any) -> None:
        """Its own, as a user may write it: nothing is handed on."""
        self.kedro_context = kedro_context

    def request_headers(self) -> dict[str, str]:
        return {"X-Team": "blue"}


def load_context(url: str, provider: type, **init_kwargs: str) -> None:
    """What kedro-mlflow does when Kedro has loaded a context."""
    KedroMlflowConfig.model_validate(
        {
            "server": {
                "mlflow_tracking_uri": url,
                "request_header_provider": {
                    "type": f"{provider.__module__}.{provider.__qualname__}",
                    "pass_context": True,
                    "init_kwargs": init_kwargs,
                },
            },
            "tracking": {"experiment": {"name": "signed"}},
        }
    ).setup(SimpleNamespace(project_path=Path.cwd(), _get_config_credentials=dict))


@pytest.fixture(autouse=True)
def unchanged_mlflow(register: Register) -> Any:
    """MLflow's providers and server are those of before when the test ends."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])
    mlflow.tracking.fluent._active_experiment_id = None


def test_two_contexts_of_one_project(
    server: SignedServer, google: TokenService, key_file: Callable[..., Path]
) -> None:
    key_file()
    for _ in range(3):
        load_context(server.url, MLFlowGoogleOauthRequestHeaderProvider, client_id=AUDIENCE)
    assert server.refused == []
    assert len(server.seen) >= 6


def test_contexts_of_two_environments(server: SignedServer) -> None:
    server.plain = {"Bearer a", "Bearer b"}
    load_context(server.url, Fixed, token="a")
    load_context(server.url, Fixed, token="b")
    assert server.refused == []
    assert server.seen[-1][1] == "Bearer b"


def test_contexts_with_two_classes(
    server: SignedServer, google: TokenService, key_file: Callable[..., Path]
) -> None:
    key_file()
    server.plain = {"Bearer a"}
    load_context(server.url, Fixed, token="a")
    load_context(server.url, MLFlowGoogleOauthRequestHeaderProvider, client_id=AUDIENCE)
    load_context(server.url, Fixed, token="a")
    assert server.refused == []


def test_a_context_that_cannot_be_loaded_displaces_none(server: SignedServer, client: Any) -> None:
    """A missing parameter stops kedro-mlflow before its first request."""
    server.plain = {"Bearer a"}
    load_context(server.url, Fixed, token="a")
    with pytest.raises(ConfigError, match="needs client_id"):
        load_context(server.url, MLFlowGoogleOauthRequestHeaderProvider)
    client.get_experiment_by_name("signed")
    assert server.refused == []
    assert server.seen[-1][1] == "Bearer a"


def test_two_classes_in_one_context_both_answer(
    client: Any, server: SignedServer, register: Register
) -> None:
    server.plain = {"Bearer a"}
    context = object()
    register(lambda: Fixed(context, token="a"))
    register(lambda: Team(context))
    client.get_experiment_by_name("signed")
    assert (server.seen[0][1], server.headers[0]["X-Team"]) == ("Bearer a", "blue")


def test_one_class_twice_in_one_context(
    client: Any, server: SignedServer, register: Register
) -> None:
    server.plain = {"Bearer b"}
    context = object()
    for token in "ab":
        register(lambda token=token: Fixed(context, token=token))
    client.get_experiment_by_name("signed")
    assert server.refused == []
