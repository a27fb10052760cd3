"""Filter, order and pages of list methods."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from google.protobuf.message import Message

from google_service.errors import invalid
from google_service.filters import Lookup, parse_filter

_MOST = 1000
T = TypeVar("T")
M = TypeVar("M", bound=Message)


def page(things: Sequence[T], size: str, token: str, default: int = 100) -> tuple[list[T], str]:
    """A page of things, and the token of the next one, empty after the last.

    Raises:
        GoogleError: no page has that token, or the size is negative.
    """
    start = _start_of(token) if token else 0
    if int(size or 0) < 0:
        raise invalid("page_size must not be negative", "page_size")
    length = min(int(size or 0) or default, _MOST)
    more = start + length < len(things)
    return list(things[start : start + length]), _token(start + length) if more else ""


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from {start}".encode()).decode()


def _start_of(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).removeprefix(b"from "))
    except (ValueError, binascii.Error):
        raise invalid("page_token is invalid", "page_token") from None


def selected(
    messages: Sequence[M],
    text: str,
    fields: Collection[str],
    extra: Callable[[M], Mapping[str, Any]] = lambda message: {},
) -> list[M]:
    """The messages that a filter matches.

    Args:
        messages: to choose from.
        text: the filter.
        fields: what the method's documentation lets a filter ask for; `labels` stands for each.
        extra: values that filters know by another name than the message.

    Raises:
        GoogleError: it is no filter, or asks for something else.
    """
    matches = parse_filter(text)
    return [message for message in messages if matches(_lookup(message, fields, extra))]


def _lookup(message: M, fields: Collection[str], extra: Callable[[M], Mapping[str, Any]]) -> Lookup:
    def look(name: str) -> Any:
        head, _, key = name.partition(".")
        if name not in fields and not (head == "labels" and head in fields):
            raise invalid(f"Invalid filter: unsupported field '{name}'", "filter")
        if head == "labels":
            labels: Mapping[str, str] = message.labels  # type: ignore[attr-defined]
            return labels.get(key) if key else " ".join(labels)
        found = extra(message)
        return found[name] if name in found else value_of(message, name)

    return look


def value_of(message: Any, name: str) -> Any:
    """A field's value by its path: a time, the name of an enum's value, or text; None if unset."""
    for part in name.split("."):
        field = message.DESCRIPTOR.fields_by_name[part]
        if field.message_type is not None and not message.HasField(part):
            return None
        value = getattr(message, part)
        if field.enum_type is not None:
            return field.enum_type.values_by_number[value].name
        message = value
    if hasattr(message, "ToDatetime"):
        return message.ToDatetime(tzinfo=timezone.utc)
    return message


def ordered(messages: Sequence[Message], text: str, fields: Collection[str]) -> list[Message]:
    """Sort by `field [desc], ...`; what has no value comes last either way.

    Raises:
        GoogleError: a field that cannot be sorted by.
    """
    result = list(messages)
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        if part[0] not in fields or part[1:] not in ([], ["desc"], ["asc"]):
            raise invalid(f"Invalid order_by: '{' '.join(part)}'", "order_by")
        descending = part[1:] == ["desc"]
        known = [message for message in result if value_of(message, part[0]) is not None]
        unknown = [message for message in result if value_of(message, part[0]) is None]
        known.sort(key=_key(part[0]), reverse=descending)
        result = known + unknown
    return result


def _key(name: str) -> Callable[[Message], datetime]:
    return lambda message: value_of(message, name)  # type: ignore[no-any-return]
