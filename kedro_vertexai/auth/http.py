"""Sessions that try again what a busy server refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import requests

TIMEOUT = 30
"""Seconds to wait for a server's answer."""

_TRANSIENT = (429, 500, 502, 503, 504)

SessionT = TypeVar("SessionT", bound="requests.Session")


def retrying(session: SessionT) -> SessionT:
    """Let the session repeat a request, 4 times within 15 seconds, while the server is busy."""
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retry = Retry(
        total=4,
        backoff_factor=1,
        status_forcelist=_TRANSIENT,
        # To log in or to sign twice does no harm.
        allowed_methods=None,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
