"""Finds the line of a task's log that says why the task failed."""

import re
from pathlib import Path

_TAIL = 16 * 1024
_LONGEST = 500
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_OWN_ERROR = re.compile(
    r"^(?:kedro_vertexai\.errors\.)?(?:VertexAI|Config|Project|Plan|Run|Task)Error: "
)
_TRACEBACK = "Traceback (most recent call last):"
# Lines after an exception's own that still belong to its message.
_LONGEST_MESSAGE = 6


def last_meaningful_line(log: Path) -> str | None:
    """Return the end of a log as one line: the last exception's message, or the last line.

    None if the log cannot be read or says nothing.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    lines = [_ANSI.sub("", line).rstrip() for line in text.splitlines()]
    lines = [line for line in lines if any(character.isalnum() for character in line)]
    if not lines:
        return None
    message = _exception(lines) or lines[-1].strip()
    message = _OWN_ERROR.sub("", message)
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."


def _exception(lines: list[str]) -> str | None:
    """Return the message below the last traceback, unless too much follows it."""
    starts = [number for number, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return None
    after = lines[starts[-1] + 1 :]
    while after and after[0].startswith(" "):
        after.pop(0)
    if not 0 < len(after) <= _LONGEST_MESSAGE:
        return None
    return " ".join(line.strip() for line in after)
