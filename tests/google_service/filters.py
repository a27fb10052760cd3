"""Filter expressions of Google's list methods, and of Cloud Logging.

https://google.aip.dev/160 and https://cloud.google.com/logging/docs/view/logging-query-language
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from google_service.errors import invalid

# Tells of a thing what a field's name stands for; None: it has no such field now.
Lookup = Callable[[str], Any]
Matches = Callable[[Lookup], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<symbol>\(|\)|!=|>=|<=|=~|!~|=|>|<|:)
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<word>(?:[^\s()=<>!:"]|(?<=\.)"(?:[^"\\]|\\.)*")+)
    )""",
    re.VERBOSE,
)
_COMPARISONS = ("=", "!=", ">=", "<=", ">", "<", ":", "=~", "!~")


def parse_filter(text: str) -> Matches:
    """Return what decides whether a thing matches.

    Raises:
        GoogleError: it is no filter.
    """
    if not text.strip():
        return lambda lookup: True
    return _Parser(_tokens(text), text).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise invalid(f"Invalid filter: unexpected character at {position}: {text}", "filter")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent: OR binds more tightly than AND in AIP-160, as in Cloud Logging."""

    def __init__(self, tokens: Sequence[tuple[str, str]], text: str) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._text = text
        self._position = 0

    def whole(self) -> Matches:
        matches = self._conjunction()
        if self._kind != "end":
            raise self._error()
        return matches

    @property
    def _kind(self) -> str:
        return self._tokens[self._position][0]

    @property
    def _value(self) -> str:
        return self._tokens[self._position][1]

    def _take(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _is_word(self, word: str) -> bool:
        return self._kind == "word" and self._value == word

    def _conjunction(self) -> Matches:
        parts = [self._disjunction()]
        # Two comparisons after one another, in Cloud Logging on lines of their own, are both meant.
        while self._kind != "end" and (self._kind, self._value) != ("symbol", ")"):
            if self._is_word("AND"):
                self._take()
            parts.append(self._disjunction())
        return lambda lookup: all(part(lookup) for part in parts)

    def _disjunction(self) -> Matches:
        parts = [self._negation()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._negation())
        return lambda lookup: any(part(lookup) for part in parts)

    def _negation(self) -> Matches:
        if self._is_word("NOT"):
            self._take()
            matches = self._negation()
            return lambda lookup: not matches(lookup)
        if (self._kind, self._value) == ("symbol", "("):
            self._take()
            inner = self._conjunction()
            if self._take() != ")":
                raise self._error()
            return inner
        return self._comparison()

    def _comparison(self) -> Matches:
        if self._kind not in ("word", "quoted"):
            raise self._error()
        field = re.sub(r'"([^"]*)"', r"\1", self._take())
        if self._kind != "symbol" or self._value not in _COMPARISONS:
            raise self._error()
        operator = self._take()
        if self._kind not in ("word", "quoted"):
            raise self._error()
        value = re.sub(r"\\(.)", r"\1", self._take())
        return lambda lookup: compare(operator, lookup(field), value)

    def _error(self) -> Exception:
        return invalid(f"Invalid filter: near '{self._value}': {self._text}", "filter")


def compare(operator: str, found: Any, value: str) -> bool:
    """Whether a field's value stands in that relation to the text of a filter.

    Raises:
        GoogleError: the text is no time where one is compared.
    """
    if operator in ("!=", "!~"):
        return not compare(operator.replace("!=", "=").replace("!~", "=~"), found, value)
    if found is None:
        return False
    if operator == ":":
        return value == "*" or fnmatchcase(str(found), value if "*" in value else f"*{value}*")
    if operator == "=~":
        return re.search(value, str(found)) is not None
    wanted: Any = value
    if isinstance(found, datetime):
        wanted = _moment(value)
    elif isinstance(found, int) and value.isdigit():
        wanted = int(value)
    return {
        "=": lambda: bool(found == wanted),
        ">": lambda: bool(found > wanted),
        "<": lambda: bool(found < wanted),
        ">=": lambda: bool(found >= wanted),
        "<=": lambda: bool(found <= wanted),
    }[operator]()


def _moment(text: str) -> datetime:
    # Python 3.10 reads neither the Z nor nanoseconds.
    readable = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "+00:00"))
    readable = re.sub(r"\.(\d+)", lambda match: f".{match[1]:0<6}", readable)
    try:
        moment = datetime.fromisoformat(readable)
    except ValueError:
        raise invalid(f"Invalid filter: '{text}' is no time in RFC 3339", "filter") from None
    if moment.tzinfo is None:
        raise invalid(f"Invalid filter: '{text}' has no time zone", "filter")
    return moment
