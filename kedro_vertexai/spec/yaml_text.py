"""Plain data as YAML text, tens of times faster than PyYAML writes it.

Only what a pipeline spec is made of: dictionaries with string keys, lists, strings, numbers,
booleans and null, in block style, a scalar never broken over lines, nothing written as an alias.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

# Words of letters need no quotes, but for those that YAML 1.1 reads as something else:
# https://yaml.org/type/bool.html and https://yaml.org/type/null.html
_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_])?")
_NOT_STRINGS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
# What may stand as it is between single quotes: printable, and no line break of YAML 1.1.
# https://yaml.org/spec/1.1/#c-printable
_PRINTABLE = re.compile(
    "[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)


def yaml_text(value: Mapping[str, Any]) -> str:
    """Write a document; the same data give the same text."""
    lines: list[str] = []
    _mapping(value, "", lines)
    return "".join(f"{line}\n" for line in lines)


def _mapping(value: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    for key, below in value.items():
        head = f"{indent}{_string(key)}:"
        if below and isinstance(below, dict):
            lines.append(head)
            _mapping(below, f"{indent}  ", lines)
        elif below and isinstance(below, list):
            lines.append(head)
            _sequence(below, indent, lines)
        else:
            lines.append(f"{head} {_scalar(below)}")


def _sequence(value: Sequence[Any], indent: str, lines: list[str]) -> None:
    for item in value:
        if item and isinstance(item, (dict, list)):
            first, below = len(lines), f"{indent}  "
            if isinstance(item, dict):
                _mapping(item, below, lines)
            else:
                _sequence(item, below, lines)
            # The dash stands in the indentation of the item's first line.
            lines[first] = f"{indent}- {lines[first].removeprefix(below)}"
        else:
            lines.append(f"{indent}- {_scalar(item)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return _as_pyyaml_writes(value)


@lru_cache(maxsize=4096)
def _string(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS:
        return text
    if _PRINTABLE.fullmatch(text):
        quoted = text.replace("'", "''")
        return f"'{quoted}'"
    return _as_pyyaml_writes(text)


def _as_pyyaml_writes(value: Any) -> str:
    """A rare scalar: floats have their own rules, and so have control characters."""
    import yaml

    style = '"' if isinstance(value, str) else None
    text = yaml.safe_dump(value, default_style=style, allow_unicode=True, width=float("inf"))
    return text.removesuffix("\n...\n").removesuffix("\n")
