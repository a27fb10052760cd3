"""`kedro vertexai auth check`: who a task will be for the MLflow server, and whether it is let in.

Everything is done as in a task, by the same code, up to the point where kedro-mlflow would make
an experiment.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_vertexai.config import parse_config
from kedro_vertexai.errors import AuthError, ConfigError, VertexAIError
from kedro_vertexai.mlflow_context import signed_context, task_environment
from kedro_vertexai.plan.authentication import authentication_settings
from kedro_vertexai.project_config import read_vertexai_config
from kedro_vertexai.runtime.authentication import Authentication
from kedro_vertexai.tracking.config import adapt_store, is_local

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

Line = tuple[str, str]


def check(project_path: Path, env: str, service_account: str | None = None) -> Iterator[Line]:
    """What is found, line by line: a title, and what there is to say.

    Args:
        project_path: the project's root; Kedro has bootstrapped it.
        env: the Kedro environment.
        service_account: whom to impersonate, as which the pipeline will run.

    Raises:
        VertexAIError: something keeps requests from being signed, or the server refuses them.
    """
    from kedro_vertexai.auth.google_credentials import acting_as

    data, source = read_vertexai_config(project_path, env)
    config = parse_config(data, source)
    if importlib.util.find_spec("kedro_mlflow") is None:
        raise ConfigError("kedro-mlflow is not installed, so nothing is asked of MLflow")
    with acting_as(service_account), task_environment(config):
        authentication = Authentication(authentication_settings(config))
        before = dict(os.environ)
        authentication.begin()
        with signed_context(project_path, env, config, authentication) as context:
            server = _set_up(context)
            yield "server", server
            yield from _who(before, google=service_account is not None)
            yield "request", _ask(server)


def _set_up(context: KedroContext) -> str:
    """Set up MLflow as kedro-mlflow does, without its experiment; return the server's URL.

    Raises:
        ConfigError: mlflow.yml cannot be used, or names no server.
    """
    import mlflow
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

    class Configured(KedroMlflowConfig):  # type: ignore[misc]
        """Makes no experiment."""

        def _set_experiment(self) -> None: ...

    try:
        config = Configured.model_validate(adapt_store(context))
        # Autologging would import what the project trains with.
        config.tracking.disable_tracking.disable_autologging = False
        config.setup(context)
    except VertexAIError:
        raise
    except Exception as error:
        raise ConfigError(
            f"mlflow.yml cannot be used: {type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    server = str(mlflow.get_tracking_uri())
    if is_local(server):
        raise ConfigError(
            f"mlflow.yml records runs at {server}: no server is asked, so nothing is signed"
        )
    return server


def _who(before: dict[str, str], *, google: bool) -> Iterator[Line]:
    """What signs, with which credentials, and what the token says of itself."""
    from kedro_vertexai.auth.environment import TOKEN, overriding, overriding_files
    from kedro_vertexai.auth.google_credentials import describe_credentials, has_asked, stand_in

    names = overriding(os.environ)
    providers = _providers()
    provider = ", ".join(f"{type(one).__module__}.{type(one).__qualname__}" for one in providers)
    if names:
        yield "signed with", ", ".join(f"{name} ({_origin(name, before)})" for name in names)
    elif provider:
        yield "signed by", provider
    else:
        raise AuthError(
            "nothing signs requests: mlflow.yml names no request_header_provider and no "
            "credentials, and run_config.authentication is not set"
        )
    if names and provider:
        yield "not used", f"{provider}: MLflow prefers what is in the environment"
    for file in overriding_files(os.environ, _server()):
        yield "beaten by", f"{file}, which holds a user and password for this server"
    # For the variables above, or else for what the provider is about to ask.
    asks_google = has_asked() or (not names and any(map(_asks_google, providers)))
    if asks_google:
        yield "credentials", describe_credentials()
    if google and asks_google:
        yield "acting as", stand_in()
    elif google:
        yield "not used", f"--as {stand_in()}: nothing is asked of Google here"
    token = os.environ.get(TOKEN, "") if names else _bearer_token()
    if not names or names == (TOKEN,):
        yield from _claims(token)


def _origin(name: str, before: dict[str, str]) -> str:
    """The environment, or what put it there: authentication, or credentials of mlflow.yml."""
    is_old = before.get(name) == os.environ.get(name)
    return "environment" if is_old else "put there by the configuration"


def _server() -> str:
    from mlflow.tracking import get_tracking_uri

    return str(get_tracking_uri())


def _providers() -> list[object]:
    """Those that sign."""
    from mlflow.tracking.request_header import registry

    from kedro_vertexai.auth.mlflow_request_header_provider import (
        DynamicMLFlowRequestHeaderProvider,
    )

    signing = []
    for provider in registry._request_header_provider_registry:
        if isinstance(provider, DynamicMLFlowRequestHeaderProvider):
            provider = provider.provider  # noqa: PLW2901
        if provider is None or type(provider).__module__.startswith("mlflow."):
            continue
        if provider.in_context():
            signing.append(provider)
    return signing


def _asks_google(provider: object) -> bool:
    """Whether it is one of ours, or a user's class made of one."""
    from kedro_vertexai.auth.gcp import (
        MLFlowGoogleIAMRequestHeaderProvider,
        MLFlowGoogleOauthRequestHeaderProvider,
    )

    ours = (MLFlowGoogleIAMRequestHeaderProvider, MLFlowGoogleOauthRequestHeaderProvider)
    return isinstance(provider, ours)


def _bearer_token() -> str:
    """What a provider puts into the header; empty where that is no bearer's token.

    Raises:
        AuthError: it cannot sign.
    """
    from mlflow.tracking.request_header.registry import resolve_request_headers

    resolved = resolve_request_headers()  # type: ignore[no-untyped-call]
    headers = {name.lower(): value for name, value in resolved.items()}
    # A refusal raises its reason where it is made text.
    scheme, _, token = str(headers.get("authorization", "")).partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _claims(token: str) -> Iterator[Line]:
    from kedro_vertexai.auth.claims import claims_of

    claims = claims_of(token)
    if claims is None:
        yield "token", "none that says who it is for"
        return
    shown: dict[str, Callable[[Any], str]] = {
        "aud": _plain,
        "iss": _plain,
        "sub": _plain,
        "email": _plain,
        "exp": _moment,
    }
    titles = {"aud": "audience", "iss": "issuer", "sub": "subject", "exp": "expires"}
    for claim, write in shown.items():
        if claims.get(claim) is not None:
            yield titles.get(claim, claim), write(claims[claim])


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _moment(seconds: Any) -> str:
    try:
        moment = datetime.fromtimestamp(float(seconds), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return "at no time that can be read"
    left = (moment - datetime.now(timezone.utc)).total_seconds()
    distance = f"in {left / 60:.0f} min" if left >= 60 else f"in {left:.0f} s"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC, {distance if left > 0 else 'in the past'}"


def _ask(server: str) -> str:
    """Ask the server for its first experiment.

    Raises:
        AuthError: it is not answered.
    """
    from mlflow import MlflowClient

    from kedro_vertexai.auth.reason import reason_of

    try:
        found = MlflowClient(server).search_experiments(max_results=1)
    except VertexAIError:
        raise
    except Exception as error:
        reason = reason_of(error)
    else:
        name = f", the first is '{found[0].name}'" if found else ", of which there is none"
        return f"accepted: the server shows its experiments{name}"
    raise AuthError(f"{server} does not answer a signed request: {reason}")
