"""Finds the line of a task's log that says why the task failed."""

import re
from pathlib import Path

_TAIL = 16 * 1024
_LONGEST = 500
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def last_meaningful_line(log: Path) -> str | None:
    """Return the last line of a log that has a letter or digit, without colours.

    None if the log cannot be read or says nothing.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    for line in reversed(text.splitlines()):
        plain = _ANSI.sub("", line).strip()
        if any(character.isalnum() for character in plain):
            return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
    return None
