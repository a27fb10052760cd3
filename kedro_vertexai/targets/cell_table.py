"""A table that is cheap to draw again and again.

rich's own table measures and wraps each cell: 40 rows take it 10 ms or more of a processor, which
drawn every second is more than 1 % of a core for as long as a job takes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

_GAP = "  "
# Of the first column, however narrow the terminal is.
_NARROWEST = 8


@dataclass(frozen=True)
class Cell:
    """A text on one line, in a style of rich's."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class CellTable:
    """Rows under a head; the first column gives way where the terminal is too narrow.

    Args:
        head: of the columns.
        rows: as long as the head.
        right: numbers of the columns that are aligned to the right.
        caption: stands below.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    right: frozenset[int] = frozenset()
    caption: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Draw it; called by rich."""
        from rich.segment import Segment

        lines = [[Cell(text, "bold") for text in self.head], *self.rows]
        texts = [[_one_line(cell.text) for cell in line] for line in lines]
        widths = _widths(texts, options.max_width)
        for line, shown in zip(lines, texts, strict=True):
            for column, (cell, text) in enumerate(zip(line, shown, strict=True)):
                if column:
                    yield Segment(_GAP)
                style = console.get_style(cell.style) if cell.style else None
                yield Segment(_fitted(text, widths[column], right=column in self.right), style)
            yield Segment.line()
        for text in textwrap.wrap(self.caption, max(1, options.max_width)):
            yield Segment(text, console.get_style("dim italic"))
            yield Segment.line()


def _one_line(text: str) -> str:
    from rich.control import strip_control_codes

    return strip_control_codes(" ".join(text.split()))


def _widths(texts: Sequence[Sequence[str]], most: int) -> list[int]:
    """Cells of the terminal for each column, of which the first one leaves room for the others."""
    from rich.cells import cell_len

    first, *others = (max(map(cell_len, column)) for column in zip(*texts, strict=True))
    room = most - sum(others) - len(_GAP) * len(others)
    return [min(first, max(room, _NARROWEST)), *others]


def _fitted(text: str, width: int, *, right: bool) -> str:
    from rich.cells import cell_len, set_cell_size

    length = cell_len(text)
    if length > width:
        return f"{set_cell_size(text, width - 1)}…"
    return f"{' ' * (width - length)}{text}" if right else set_cell_size(text, width)
