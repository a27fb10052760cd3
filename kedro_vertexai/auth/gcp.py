"""Providers that prove to an MLflow server who is asking, with an ID token from Google.

The paths of these classes stand in users' files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from kedro_vertexai.auth.google_credentials import (
    impersonated,
    note_asked,
    own_credentials,
    stand_in,
)
from kedro_vertexai.auth.id_token import IdToken
from kedro_vertexai.auth.mlflow_request_header_provider import (
    RequestHeaderProviderWithKedroContext,
)
from kedro_vertexai.config import PluginConfig
from kedro_vertexai.dynamic_config import DynamicConfigProvider
from kedro_vertexai.errors import ConfigError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


def own_id_token(client_id: str) -> IdToken:
    """A token in the name of the machine's service account, or of a key file's.

    Where this process acts as another service account, it is that one's.
    """
    if stand_in():
        return _impersonated_id_token(client_id, stand_in(), own_credentials)

    def make(transport: Any) -> Any:
        from google.oauth2.id_token import fetch_id_token_credentials

        note_asked()
        return fetch_id_token_credentials(  # type: ignore[no-untyped-call]
            client_id, request=transport
        )

    return IdToken(
        f"ID token for the audience {client_id}",
        "It is made for a service account: let GOOGLE_APPLICATION_CREDENTIALS name a key file "
        "that is still valid, or run where one is attached; a person's own gcloud login has none",
        make,
    )


def impersonated_id_token(client_id: str, service_account: str) -> IdToken:
    """A token in the name of another service account, which the caller may impersonate."""

    def target(transport: Any) -> Any:
        return impersonated(own_credentials(transport), service_account)

    return _impersonated_id_token(client_id, service_account, target)


def _impersonated_id_token(
    client_id: str, service_account: str, credentials: Callable[[Any], Any]
) -> IdToken:
    """A token that the IAM Credentials API makes for the owner of impersonated credentials."""

    def make(transport: Any) -> Any:
        from google.auth import impersonated_credentials

        return impersonated_credentials.IDTokenCredentials(  # type: ignore[no-untyped-call]
            credentials(transport), target_audience=client_id, include_email=True
        )

    return IdToken(
        f"ID token for the audience {client_id} as {service_account}",
        "Whoever runs this needs roles/iam.serviceAccountTokenCreator on that service account, "
        "and the IAM Credentials API must be enabled",
        make,
    )


class _GoogleRequestHeaderProvider(RequestHeaderProviderWithKedroContext):
    """Signs with an ID token.

    Raises:
        ConfigError: one of `required_params` is missing.
    """

    required_params: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kedro_context: KedroContext | None = None, **kwargs: Any) -> None:
        super().__init__(kedro_context, **kwargs)
        missing = [name for name in self.required_params if not self._param(name)]
        if missing:
            raise ConfigError(
                f"{type(self).__qualname__} needs {' and '.join(missing)}: add it to "
                "server.request_header_provider.init_kwargs in mlflow.yml, or to "
                "run_config.mlflow.request_header_provider_params in vertexai.yml"
            )
        self._id_token = self._make_id_token()

    def _param(self, name: str) -> str:
        value = self.params.get(name)
        return value.strip() if isinstance(value, str) else ""

    def _make_id_token(self) -> IdToken:
        raise NotImplementedError

    def request_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._id_token.value()}"}


class MLFlowGoogleIAMRequestHeaderProvider(_GoogleRequestHeaderProvider):
    """Signs as `service_account`, for a server that expects the audience `client_id`."""

    required_params = ("client_id", "service_account")

    def _make_id_token(self) -> IdToken:
        return impersonated_id_token(self._param("client_id"), self._param("service_account"))


class MLFlowGoogleOauthRequestHeaderProvider(_GoogleRequestHeaderProvider):
    """Signs as whoever runs this, for a server that expects the audience `client_id`."""

    required_params = ("client_id",)

    def _make_id_token(self) -> IdToken:
        return own_id_token(self._param("client_id"))


class _GoogleCredentialsProvider(DynamicConfigProvider):
    """Writes a token into credentials.yml as `gcp_credentials`, for mlflow.yml to name.

    It is good for an hour and is not renewed: a request header provider is.
    """

    @property
    def target_config_file(self) -> str:
        return "credentials.yml"

    def generate_config(self) -> dict[str, Any]:
        return {"gcp_credentials": {"MLFLOW_TRACKING_TOKEN": self._make_id_token().value()}}

    def _make_id_token(self) -> IdToken:
        raise NotImplementedError


class MLFlowGoogleOAuthCredentialsProvider(_GoogleCredentialsProvider):
    """A token of whoever runs this, for the audience `client_id`."""

    def __init__(self, config: PluginConfig, client_id: str, **params: Any) -> None:
        super().__init__(config, **params)
        self.client_id = client_id

    def _make_id_token(self) -> IdToken:
        return own_id_token(self.client_id)


class MLFlowGoogleIAMCredentialsProvider(_GoogleCredentialsProvider):
    """A token of `service_account`, for the audience `client_id`."""

    def __init__(
        self, config: PluginConfig, client_id: str, service_account: str, **params: Any
    ) -> None:
        super().__init__(config, **params)
        self.client_id = client_id
        self.service_account = service_account

    def _make_id_token(self) -> IdToken:
        return impersonated_id_token(self.client_id, self.service_account)
