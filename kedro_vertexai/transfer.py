"""Tells the user how an upload or a download is doing: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class TransferReporter(Protocol):
    """Hears of a transfer; `advance` may be called from any thread."""

    def start(self, total: int) -> None:
        """So many bytes are to be sent, perhaps none."""

    def advance(self, count: int) -> None:
        """So many more bytes have been sent."""

    def line(self, text: str) -> None:
        """Something is done."""

    def close(self) -> None:
        """Nothing more will come."""


class PlainTransfer:
    """Writes a line for what is done, and no numbers in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, total: int) -> None:
        """Say nothing: a line says it when it is done."""

    def advance(self, count: int) -> None:
        """Say nothing: a line says it when it is done."""

    def line(self, text: str) -> None:
        """Write it."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream as it is."""


class LiveTransfer:
    """Shows a bar of bytes under the lines of what is done."""

    def __init__(self, stream: TextIO, title: str) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._title = title
        self._bar: tuple[Progress, TaskID] | None = None

    def start(self, total: int) -> None:
        """Show the bar, unless there is nothing to send."""
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        if not total:
            return
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._bar = (progress, progress.add_task(self._title, total=total))
        progress.start()

    def advance(self, count: int) -> None:
        """Move the bar."""
        if self._bar:
            progress, task = self._bar
            progress.advance(task, count)

    def line(self, text: str) -> None:
        """Write it above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar[0].stop()


def make_transfer(stream: TextIO, title: str) -> TransferReporter:
    """Return the reporter that suits a stream; `title` stands before the bar."""
    return LiveTransfer(stream, title) if stream.isatty() else PlainTransfer(stream)


def readable(size: int) -> str:
    """Return a number of bytes as a person writes it: `12 bytes`, `1.5 MB`."""
    if size < 1000:
        return f"{size} {'byte' if size == 1 else 'bytes'}"
    amount, unit = size / 1000, 1
    while amount >= 999.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}"
