"""Why a request cannot be signed, in words that hold no secret."""

from __future__ import annotations

import re

from kedro_vertexai.errors import VertexAIError

_LONGEST = 400
"""Characters of another library's message; a server's answer may be a whole web page."""

_SECRET = re.compile(
    r"""
    eyJ[\w-]{5,}(?:\.[\w-]*)*             # a JSON Web Token: base64 of '{"'
    | ya29\.[\w.-]+                       # a Google access token
    | (?:bearer|basic)\s+[\w.~+/=-]{16,}  # an Authorization header
    | -----BEGIN.*?(?:-----END[^-]*-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


# A password between a URL's scheme and its host.
_IN_URL = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*@")


# What signs a URL: `X-Goog-Signature=...`, `sig=...`, `access_token=...`.
_IN_QUERY = re.compile(
    r"(?<=[?&])([^\s?&=#]*(?:sig|token|key|secret|passw|credential|auth)[^\s?&=#]*=)[^\s&#'\"]+",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """The text without what looks like a token, a key, or a password or signature in a URL."""
    return _IN_QUERY.sub(r"\1***", _IN_URL.sub("***@", _SECRET.sub("***", text)))


def without_secrets(text: str) -> str:
    """The same on one line."""
    return " ".join(redacted(text).split())


def reason_of(error: BaseException) -> str:
    """What an error says, on one line, without what looks like a token or a key."""
    # google-auth puts the server's whole answer behind its message.
    several = len(error.args) > 1 and isinstance(error.args[0], str)
    text = error.args[0] if several else str(error)
    text = without_secrets(text).rstrip(".")
    if isinstance(error, VertexAIError):
        return text
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
