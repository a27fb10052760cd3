"""Between JSON and Google's own protobuf messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from google_service.errors import GoogleError, bad_request, invalid
from google_service.web import Request

_UNKNOWN = re.compile(r'no field named "(?P<name>[^"]*)"(?: at "(?P<path>[^"]*)")?')


def parse(document: Mapping[str, Any], message: Message, where: str) -> None:
    """Read JSON into a message as Google's front end does: an unknown name is refused.

    Args:
        document: the JSON.
        message: to be filled.
        where: the request's field that it is, as `pipeline_job`.

    Raises:
        GoogleError: it is not of that form.
    """
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown:
            # The path begins with the name of the message's type.
            path = (unknown["path"] or "").partition(".")[2]
            text = f'Invalid JSON payload received. Unknown name "{unknown["name"]}"'
            place = f"{where}.{path}" if path else where
            text += f" at '{place}': Cannot find field."
        else:
            text = f"Invalid value at '{where}': {error}"
            place = where
        raise GoogleError(400, text, bad_request(place, text)) from None


def render(message: Message, request: Request) -> dict[str, Any]:
    """Write a message as JSON, in the form that the client asked for."""
    return json_format.MessageToDict(message, use_integers_for_enums=request.wants_numbers)


def masked(message: Message, mask: str) -> Message:
    """Return what a mask (comma-separated paths, in JSON's names) leaves of a message.

    Raises:
        GoogleError: the mask names what the message does not have.
    """
    if not mask or mask == "*":
        return message
    paths = field_mask(message, mask)
    kept = type(message)()
    try:
        paths.MergeMessage(message, kept)
    except ValueError as error:
        raise invalid(f"Invalid field mask: {error}", "read_mask") from None
    return kept


def field_mask(message: Message, mask: str) -> FieldMask:
    """Read a mask; names in snake case, which Google takes too, are kept.

    Raises:
        GoogleError: the mask names what the message does not have.
    """
    paths = FieldMask()
    paths.FromJsonString(mask) if "_" not in mask else paths.paths.extend(mask.split(","))
    if not paths.IsValidForDescriptor(message.DESCRIPTOR):
        raise invalid(f"Invalid field mask: {mask}", "update_mask")
    return paths


def now() -> Timestamp:
    return timestamp(datetime.now(timezone.utc))


def timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
