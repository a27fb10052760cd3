"""Tables and durations as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

_COLOURS = {
    "SUCCEEDED": "green",
    "RUNNING": "cyan",
    "FAILED": "red",
    "CANCELLING": "yellow",
    "CANCELLED": "yellow",
    "SKIPPED": "yellow",
}


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its columns as wide as they need be."""
    cells = [header, *rows]
    widths = [max(len(click.unstyle(row[i])) for row in cells) for i in range(len(header))]
    for row in cells:
        padded = (
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(padded).rstrip()


def coloured(state: str) -> str:
    """A state in its colour."""
    return click.style(state, fg=_COLOURS.get(state))


def duration(seconds: float | None) -> str:
    """A time span by its two largest units; empty where there is none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
