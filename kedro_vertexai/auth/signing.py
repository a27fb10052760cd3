"""No request leaves unsigned: what MLflow is told when a provider fails.

MLflow asks its providers for headers before each request. A provider that raises is logged
and passed over, and the request goes out without its headers
(`mlflow.tracking.request_header.registry.resolve_request_headers`, 3.4 to 3.17). So a
provider must not raise. It returns a header whose value is no text: `requests` refuses such
a value before it opens a connection and shows it in its error, and to show ours is to raise
the reason. MLflow passes that on: "API request to URL failed with exception REASON".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kedro_vertexai.auth.lock import signing_lock
from kedro_vertexai.auth.reason import reason_of
from kedro_vertexai.errors import AuthError

logger = logging.getLogger(__name__)

_NO_TOKEN = re.compile(r"(?:(?:bearer|basic|token)\b)?\s*(?:none|null)?", re.IGNORECASE)
"""An Authorization header that proves nothing."""


class Refusal:
    """Stands where a header's value belongs and is none: whoever uses it gets the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> NoReturn:
        raise AuthError(self.reason)

    # Into text is how MLflow joins the headers of two providers.
    __str__ = __repr__

    def __format__(self, spec: str) -> NoReturn:
        raise AuthError(self.reason)

    def __getattr__(self, name: str) -> NoReturn:
        """What text has, and this has not: `split`, `removeprefix`."""
        raise AttributeError(name) if name.startswith("_") else AuthError(self.reason)


def answers(name: str, in_context: Callable[[], Any]) -> bool:
    """Whether the provider is to be asked for headers; one that cannot say is asked.

    Args:
        name: the provider, for messages.
        in_context: the provider's own answer.
    """
    try:
        return bool(in_context())
    except Exception as error:
        logger.warning("%s.in_context() failed: %s", name, reason_of(error))
        return True


def signed(name: str, request_headers: Callable[[], Any]) -> dict[str, Any]:
    """The provider's headers, or one that keeps the request from being sent.

    Args:
        name: the provider, for messages.
        request_headers: what makes them; called by one thread at a time.
    """
    with signing_lock:
        try:
            return _checked(request_headers())
        except Exception as error:
            reason = f"{name} cannot sign the request, so it is not sent: {reason_of(error)}"
    return {"Authorization": Refusal(reason)}


def _checked(headers: object) -> dict[str, Any]:
    """Headers that can be sent; no message holds a value.

    Raises:
        AuthError: they are no headers, or none at all, or hold `Bearer None` or the like.
    """
    if not isinstance(headers, Mapping):
        raise AuthError(
            f"request_headers() returned {type(headers).__name__}, expected a dict of headers"
        )
    if not headers:
        raise AuthError(
            "request_headers() returned no header; in_context() returns False where a request "
            "needs none"
        )
    for name, value in headers.items():
        if not isinstance(name, str):
            raise AuthError(f"a header's name is {type(name).__name__}, expected text")
        if not isinstance(value, Refusal):
            _check_value(name, value)
    return dict(headers)


def _check_value(name: str, value: object) -> None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        raise AuthError(f"the header {name} is {type(value).__name__}, expected text")
    # What requests and http.client refuse, they quote.
    if value != value.lstrip() or not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value):
        raise AuthError(f"the header {name} holds a line break or what else no header can hold")
    if name.lower() == "authorization" and _NO_TOKEN.fullmatch(value.strip()):
        raise AuthError(f"the header {name} holds no token")
