"""Tells the user how a push or pull is doing: a bar for each layer on a terminal, or lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class LayerReporter(Protocol):
    """Hears of the layers of one image."""

    def moved(self, layer: str, count: int, total: int) -> None:
        """So many bytes of a layer have moved, of so many; 0 of an unknown number."""

    def done(self, layer: str, how: str) -> None:
        """A layer is there: `pushed`, `pulled`, or there already."""

    def close(self) -> None:
        """Nothing more will come."""


class NoLayers:
    """Says nothing."""

    def moved(self, layer: str, count: int, total: int) -> None:
        """Say nothing."""

    def done(self, layer: str, how: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class PlainLayers:
    """Writes a line for each layer that is there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def moved(self, layer: str, count: int, total: int) -> None:
        """Say nothing: a line says it when it is done."""

    def done(self, layer: str, how: str) -> None:
        """Write it."""
        self._stream.write(f"layer {layer}: {how}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream as it is."""


class LiveLayers:
    """Shows a bar for each layer that moves, and a line for each that is there."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        self._progress: Progress = Progress(
            TextColumn("layer {task.description}"),
            BarColumn(),
            DownloadColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._progress.start()

    def moved(self, layer: str, count: int, total: int) -> None:
        """Move the layer's bar."""
        if layer not in self._bars:
            self._bars[layer] = self._progress.add_task(layer, total=None)
        # The engine counts what it compresses as well, and may count beyond the total.
        self._progress.update(self._bars[layer], completed=count, total=max(total, count) or None)

    def done(self, layer: str, how: str) -> None:
        """Write a line in place of the bar."""
        if layer in self._bars:
            self._progress.remove_task(self._bars.pop(layer))
        self._progress.console.print(f"layer {layer}: {how}", markup=False, highlight=False)

    def close(self) -> None:
        """Take the bars away."""
        self._progress.stop()


def make_reporter(stream: TextIO) -> LayerReporter:
    """Return the reporter that suits a stream."""
    return LiveLayers(stream) if stream.isatty() else PlainLayers(stream)
