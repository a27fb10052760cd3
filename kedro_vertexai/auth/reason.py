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


def without_secrets(text: str) -> str:
    """The text on one line, without what looks like a token, a key, or a password in a URL."""
    return " ".join(_IN_URL.sub("***@", _SECRET.sub("***", text)).split())


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
