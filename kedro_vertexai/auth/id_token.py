"""A Google ID token, kept and renewed by the expiry that is written in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from kedro_vertexai.auth.lock import signing_lock
from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.errors import AuthError

logger = logging.getLogger(__name__)

_MARGIN = 225.0
"""Seconds before its expiry at which google-auth renews a token (REFRESH_THRESHOLD)."""


class IdToken:
    """Fetches a token when it is first asked for, and another shortly before that expires.

    Shortly is what google-auth takes it for, but at most a quarter of the token's life, so
    that one that lives for seconds is kept, too. A renewal that fails is tried again as long
    as the present token is good, which is used meanwhile.
    """

    def __init__(self, title: str, advice: str, make_credentials: Callable[[Any], Any]) -> None:
        """Nothing is fetched yet.

        Args:
            title: the token, for messages: "ID token for the audience x".
            advice: what to do if there is none.
            make_credentials: takes google-auth's transport, returns its credentials.
        """
        self._title = title
        self._advice = advice
        self._make_credentials = make_credentials
        self._credentials: Any = None
        self._token = ""
        # Both in seconds since the epoch.
        self._renew_at = 0.0
        self._expires_at = 0.0

    def value(self) -> str:
        """The token, good for some time yet.

        Raises:
            AuthError: none can be fetched.
        """
        with signing_lock:
            if time.time() >= self._renew_at:
                self._renew()
            return self._token

    def _renew(self) -> None:
        try:
            self._fetch()
        except AuthError as error:
            left = self._expires_at - time.time()
            if left <= 0:
                raise
            self._renew_at = min(self._expires_at, time.time() + max(1.0, left / 4))
            logger.warning("%s; the present one expires in %.0f s", error, left)

    def _fetch(self) -> None:
        credentials, problem = self._refreshed()
        if not problem and not (isinstance(credentials.token, str) and credentials.token):
            problem = "the answer holds no token"
        if problem:
            # What made them may have been replaced since: a key file, above all.
            self._credentials = None
            raise AuthError(f"no {self._title}: {problem}. {self._advice}")
        self._credentials, self._token = credentials, credentials.token
        self._expires_at = _timestamp(credentials.expiry)
        left = self._expires_at - time.time()
        self._renew_at = self._expires_at - min(_MARGIN, max(0.0, left) / 4)

    def _refreshed(self) -> tuple[Any, str]:
        """The credentials, and what went wrong: no exception that holds a token leaves here."""
        from google.auth.transport.requests import Request

        # A new one each time: its connections would not outlive a fork.
        transport = Request()
        credentials = self._credentials
        try:
            if credentials is None:
                credentials = self._make_credentials(transport)
        except Exception as error:
            return None, reason_of(error)
        try:
            credentials.refresh(transport)
        except ValueError as error:
            # google-auth quotes the token that it cannot read.
            return None, f"the answer cannot be read ({type(error).__name__})"
        except Exception as error:
            return None, reason_of(error)
        return credentials, ""


def _timestamp(expiry: datetime | None) -> float:
    """Seconds since the epoch. google-auth's times have no zone and are UTC."""
    if expiry is None:
        return float("inf")
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=timezone.utc)).timestamp()
