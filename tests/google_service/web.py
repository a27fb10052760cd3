"""Requests, answers and routes: what is between HTTP and the subjects of the service."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google_service.errors import GoogleError


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    raw: bytes = b""
    query_items: tuple[tuple[str, str], ...] = ()
    """The query as it is sent, in which a name may stand several times."""

    def all(self, name: str) -> list[str]:
        """Every value of a repeated parameter."""
        return [value for key, value in self.query_items if key == name]

    @property
    def body(self) -> Any:
        """The JSON of it; empty where there is none.

        Raises:
            GoogleError: it is no JSON object.
        """
        if not self.raw:
            return {}
        try:
            document = json.loads(self.raw)
        except ValueError as error:
            raise GoogleError(400, f"Invalid JSON payload received. {error}") from None
        if not isinstance(document, dict):
            raise GoogleError(400, "Invalid JSON payload received. Unexpected token.")
        return document

    @property
    def wants_numbers(self) -> bool:
        """Whether enums are to be numbers, as the generated REST clients ask for."""
        return "enum-encoding=int" in self.query.get("$alt", "")


@dataclass(frozen=True)
class Answer:
    """What it is answered: JSON for data, else bytes."""

    body: Mapping[str, Any] | bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Handler = Callable[[Request, Mapping[str, str]], "Mapping[str, Any] | Answer"]


@dataclass(frozen=True)
class Route:
    """A method and a path with `{name}` for one component and `{name=**}` for any number."""

    method: str
    template: str
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        found = _pattern(self.template).fullmatch(path) if method == self.method else None
        return found.groupdict() if found else None


def answer(routes: Iterable[Route], request: Request) -> Answer:
    """Have the first route that matches answer.

    Raises:
        GoogleError: no route matches, or what the route's handler raises.
    """
    for route in routes:
        names = route.match(request.method, request.path)
        if names is not None:
            answered = route.handler(request, names)
            return answered if isinstance(answered, Answer) else Answer(answered)
    raise GoogleError(404, f"The requested URL {request.path} was not found on this server.")


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(template: str) -> re.Pattern[str]:
    if template not in _PATTERNS:
        parts = re.split(r"\{(\w+)(=\*\*)?\}", template)
        text = re.escape(parts[0])
        for name, deep, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            text += f"(?P<{name}>{'.+' if deep else '[^/:]+'})" + re.escape(literal)
        _PATTERNS[template] = re.compile(text)
    return _PATTERNS[template]
