"""Which errors of a request pass by themselves, and how long to wait for that."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar, cast

T = TypeVar("T")

# https://cloud.google.com/vertex-ai/docs/reference/rest#error-codes: what may be sent again.
TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})
# Of these the service says that it has done nothing.
REFUSED_STATUS = frozenset({429})
# Vertex AI says so with the reason of the other kind.
_USED_UP = re.compile(r"quota metrics? exceeds? quota limits?|quotas are exceeded", re.IGNORECASE)
_LONGEST_RETRY_AFTER = 60.0  # seconds


@dataclass(frozen=True)
class Patience:
    """For how long, and how often, something is tried again. Times in seconds."""

    total: float = 180.0
    first: float = 1.0
    longest: float = 20.0
    factor: float = 2.0
    quiet: float = 5.0
    """For so long nobody needs to hear of it."""


# Somebody sits before the screen and can ask again.
PATIENCE_OF_A_READER = Patience(total=30.0)


def transient(error: BaseException) -> bool:
    """Whether the same request may do better later."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import TransportError
    from google.protobuf.json_format import ParseError
    from requests import exceptions

    if isinstance(error, GoogleAPICallError):
        return error.code in TRANSIENT_STATUS and not used_up(error)
    # An answer that was cut off is no JSON. What an SSL error says will not change.
    broken = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    cut_off = (exceptions.JSONDecodeError, exceptions.ContentDecodingError, ParseError)
    if isinstance(error, exceptions.SSLError) or unknown_host(error):
        return False
    return isinstance(error, (*broken, *cut_off, TransportError))


def used_up(error: BaseException) -> bool:
    """Whether a quota is used up: the other kind of 429, asking too often, passes by itself.

    https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
    """
    if getattr(error, "code", None) != HTTPStatus.TOO_MANY_REQUESTS:
        return False
    is_named = getattr(error, "reason", None) == "RESOURCE_QUOTA_EXCEEDED"
    return is_named or bool(_USED_UP.search(str(error)))


def unknown_host(error: BaseException) -> bool:
    """Whether there is no such host: no network, or no such region."""
    return "NameResolutionError" in repr(error) or "getaddrinfo failed" in repr(error)


def refused(error: BaseException) -> bool:
    """Whether the request has certainly had no effect."""
    return getattr(error, "code", None) in REFUSED_STATUS


def retried(
    call: Callable[[], T],
    patience: Patience | None = None,
    told: Callable[[Exception], None] | None = None,
) -> T:
    """The result of a call that may be made again, made again while that may help.

    A wait is random up to a growing limit, so that many clients do not return at once.

    Args:
        call: makes one request.
        patience: how long transient errors are waited out.
        told: hears of an error that lasts, each time.

    Raises:
        Exception: the last attempt's.
    """
    patience = patience or Patience()
    begin = time.monotonic()
    limit = patience.first
    while True:
        result, error = _attempt(call)
        if error is None:
            return cast("T", result)
        seconds = retry_after(error) or random.uniform(limit / 2, limit)
        passed = time.monotonic() - begin
        if not transient(error) or passed + seconds > patience.total:
            raise error
        if told and passed > patience.quiet:
            told(error)
        time.sleep(seconds)
        limit = min(limit * patience.factor, patience.longest)


def _attempt(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return call(), None
    except Exception as error:
        return None, error


def retry_after(error: BaseException) -> float:
    """Seconds that the service asks to wait; 0 if it does not."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    text = str(headers.get("Retry-After", ""))
    return min(float(text), _LONGEST_RETRY_AFTER) if text.isdecimal() else 0.0
