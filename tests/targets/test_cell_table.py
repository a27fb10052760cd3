"""The table of a followed job, as a terminal shows it."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console

from kedro_vertexai.targets.cell_table import Cell, CellTable

HEAD = ("task", "state", "s")


def shown(table: CellTable, width: int = 40) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table, end="")
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    return [line.rstrip() for line in lines]


def table(*names: str, caption: str = "") -> CellTable:
    rows = [[Cell(name), Cell("RUNNING", "cyan"), Cell("5")] for name in names]
    return CellTable(HEAD, rows, frozenset({2}), caption)


def test_columns_stand_below_each_other() -> None:
    rows = [
        [Cell("a"), Cell("FAILED", "bold red"), Cell("12")],
        [Cell("bcdef"), Cell(""), Cell("1")],
    ]
    assert shown(CellTable(HEAD, rows, frozenset({2}))) == [
        "task   state    s",
        "a      FAILED  12",
        "bcdef           1",
    ]


def test_a_long_name_is_cut_and_the_other_columns_stay() -> None:
    assert shown(table("x" * 60), width=30)[1] == f"{'x' * 17}…  RUNNING  5"


def test_wide_characters_take_two_places() -> None:
    assert shown(table("表", "ab"))[1:] == ["表    RUNNING  5", "ab    RUNNING  5"]


def test_a_name_is_no_markup_and_moves_no_cursor() -> None:
    assert shown(table("[red]a\nb\x07"))[1] == "[red]a b  RUNNING  5"


def test_a_long_caption_goes_on_below() -> None:
    assert shown(table("a", caption="1 running, 2 failed"), width=18)[2:] == [
        "1 running, 2",
        "failed",
    ]


def test_colours_reach_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system="standard")
    console.print(table("a"))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[36mRUNNING\x1b[0m" in console.file.getvalue()
