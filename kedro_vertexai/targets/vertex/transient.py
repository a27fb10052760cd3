"""Questions to Google that are asked again where an answer fails to come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")

# Seconds before each further attempt.
_WAITS = (1.0, 2.0, 4.0)


def ask(question: Callable[[], _Answer]) -> _Answer:
    """Ask what changes nothing, up to four times within about seven seconds.

    Args:
        question: sends one request.

    Raises:
        Exception: what the last attempt raised, or the first that asking again cannot mend.
    """
    for seconds in _WAITS:
        try:
            return question()
        except Exception as error:
            if not is_transient(error):
                raise
            time.sleep(seconds)
    return question()


def is_transient(error: Exception) -> bool:
    """Whether the same request may well succeed a moment later.

    A truncated answer is one that is no JSON, or ends too early.
    """
    from google.api_core.exceptions import (
        BadGateway,
        DeadlineExceeded,
        GatewayTimeout,
        InternalServerError,
        ServiceUnavailable,
        TooManyRequests,
    )
    from google.auth.exceptions import TransportError
    from google.protobuf.json_format import ParseError
    from requests.exceptions import ChunkedEncodingError, ConnectionError, Timeout
    from requests.exceptions import JSONDecodeError as NoJson

    return isinstance(
        error,
        (
            BadGateway,
            DeadlineExceeded,
            GatewayTimeout,
            InternalServerError,
            ServiceUnavailable,
            TooManyRequests,
            TransportError,
            ParseError,
            ChunkedEncodingError,
            ConnectionError,
            NoJson,
            Timeout,
        ),
    )
