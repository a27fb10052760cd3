"""`type: GoogleOAuth2`: every request carries a Google ID token of whoever runs the task."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kedro_vertexai.auth.gcp import MLFlowGoogleOauthRequestHeaderProvider
from kedro_vertexai.auth.handler import KEY, AuthHandler
from kedro_vertexai.errors import ConfigError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

AUDIENCE = "GOOGLE_AUDIENCE"


class GoogleOAuth2(AuthHandler):
    """Signs for `audience` or, without one, for the environment's GOOGLE_AUDIENCE.

    The token is renewed before it expires, so that it is no environment variable.

    Raises:
        ConfigError: there is no audience.
    """

    def __init__(self, audience: str = "") -> None:
        self.audience = audience.strip() or os.environ.get(AUDIENCE, "").strip()
        if not self.audience:
            raise ConfigError(
                f"{KEY}: GoogleOAuth2 needs the token's audience: write params.audience, or set "
                f"{AUDIENCE} in the task's environment"
            )

    def request_header_provider(
        self, context: KedroContext
    ) -> MLFlowGoogleOauthRequestHeaderProvider:
        """A provider of the context, so that a newer one's takes its place."""
        return MLFlowGoogleOauthRequestHeaderProvider(context, client_id=self.audience)
