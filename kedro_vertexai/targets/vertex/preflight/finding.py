"""What a check of the pre-flight finds, and how it says that it could not look."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How much a finding matters; only an error stops a submission."""

    ERROR = 0
    WARNING = 1
    NOTE = 2


@dataclass(frozen=True)
class Finding:
    """One sentence for the user, and what mends it: a command, or words if none does.

    `pin` is an image as the spec has it, and its name by the digest that it has now.
    """

    level: Level
    text: str
    fix: str = ""
    pin: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.text}: {self.fix}" if self.fix else self.text


class UncheckedError(Exception):
    """A check could not be made: its message says why. Never a reason against a submission."""


def error(text: str, fix: str = "") -> Finding:
    """What is wrong."""
    return Finding(Level.ERROR, text, fix)


def warning(text: str, fix: str = "") -> Finding:
    """What may be wrong, or could not be looked at."""
    return Finding(Level.WARNING, text, fix)


def command(*words: str) -> str:
    """What the user should run, each word quoted as a shell needs it."""
    return f"run `{shlex.join(words)}`"


def note(text: str, *, pin: tuple[str, str] | None = None) -> Finding:
    """What is good to know."""
    return Finding(Level.NOTE, text, pin=pin)
