"""Asks for some fields of a message only: a job has its whole spec, which can be megabytes."""

from __future__ import annotations

from typing import TypeAlias

Metadata: TypeAlias = tuple[tuple[str, str], ...]
"""Of a request, as the clients take it."""


def field_mask(*paths: str) -> Metadata:
    """Return the metadata of a request whose answer shall have these fields only.

    An answer with all fields is right, too.
    https://cloud.google.com/apis/docs/system-parameters ($fields, X-Goog-FieldMask)

    Args:
        paths: in JSON's names, joined by dots.
    """
    return (("x-goog-fieldmask", ",".join(paths)),)
