"""From any Kedro name to one that every engine takes: distinct, stable, readable."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable

# Kubernetes limits a label, and so a task's pod, to 63 characters (RFC 1123); the suffixes
# that engines add to a task's name need the rest.
MAX_TASK_NAME = 48
MAX_KEY = 60
# Digits of the digest that tells names apart, and what is tried where that is not enough: of
# 5,000 names that start with the same 41 letters, two share their first six digits.
_DIGESTS = (6, 12, 40)


def clean_task_name(name: str) -> str:
    """Lowercase letters, digits and single dashes, starting with a letter.

    The rule is kfp's own (`sanitize_component_name`), which Vertex AI's task names follow.
    """
    cleaned = re.sub(r"[^a-z0-9]+", "-", _ascii(name).lower()).strip("-")
    return cleaned if cleaned[:1].isalpha() else f"task-{cleaned}".rstrip("-")


def clean_key(name: str) -> str:
    """A Python identifier in ASCII: the keys of artifacts and parameters in a KFP spec."""
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", _ascii(name)).strip("_")
    return cleaned if cleaned[:1].isalpha() else f"x_{cleaned}".rstrip("_")


def task_names(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Map each name to a distinct task name.

    A name keeps its plain cleaned form unless that is reserved, too long, shared with another
    name, or has lost letters; then it ends in a digest of the original, which does not depend
    on the other names.
    """
    return _distinct(names, clean_task_name, "-", MAX_TASK_NAME, reserved)


def keys(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Map each name to a distinct key, by the rule of `task_names`."""
    return _distinct(names, clean_key, "_", MAX_KEY, reserved)


def _distinct(
    names: Iterable[str],
    clean: Callable[[str], str],
    separator: str,
    longest: int,
    reserved: Collection[str],
) -> dict[str, str]:
    cleaned = {name: clean(name) for name in names}
    found = {
        name: _with_digest(name, plain, separator, longest)
        if len(plain) > longest or _loses_letters(name)
        else plain
        for name, plain in cleaned.items()
    }
    # Two rounds at most, but for names made to clash with another's digest.
    for digits in _DIGESTS:
        count = Counter(found.values())
        clashing = [name for name, new in found.items() if count[new] > 1 or new in reserved]
        for name in clashing:
            found[name] = _with_digest(name, cleaned[name], separator, longest, digits)
    return found


def _with_digest(
    name: str, plain: str, separator: str, longest: int, digits: int = _DIGESTS[0]
) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:digits]
    head = plain[: longest - digits - 1].rstrip(separator)
    return f"{head}{separator}{digest}"


def _ascii(name: str) -> str:
    """The name with accents taken off; letters that have no ASCII form remain."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


def _loses_letters(name: str) -> bool:
    return any(c.isalnum() and not c.isascii() for c in _ascii(name))
