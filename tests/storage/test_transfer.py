"""What a user sees of an upload or a download."""

from __future__ import annotations

import io
import re

import pytest

from kedro_vertexai.transfer import LiveTransfer, PlainTransfer, make_transfer, readable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, total: int) -> str:
    """What is on a terminal at the end of a transfer, without its control codes."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    reporter = make_transfer(stream, "Staging")
    assert isinstance(reporter, LiveTransfer)
    reporter.start(total)
    reporter.advance(total // 2)
    reporter.line("[a] is done")
    reporter.close()
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())


def test_a_terminal_shows_a_bar_of_bytes_and_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, 2_000_000)
    assert "[a] is done" in text
    assert re.search(r"Staging .*1\.0/2\.0 MB", text)


def test_without_bytes_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, 0) == "[a] is done\n"


def test_elsewhere_there_are_only_lines() -> None:
    stream = io.StringIO()
    reporter = make_transfer(stream, "Staging")
    assert isinstance(reporter, PlainTransfer)
    reporter.start(2)
    reporter.advance(1)
    reporter.line("[a] is done")
    reporter.close()
    assert stream.getvalue() == "[a] is done\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (2_000_000_000_000_000, "2000.0 TB"),
    ],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable(size) == text
