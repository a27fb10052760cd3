"""Tells the user what does not stop a command."""

from __future__ import annotations

from collections.abc import Iterable

import click


def warn(lines: Iterable[str]) -> None:
    """Write each line as a warning, where it is in nobody's way."""
    for line in lines:
        click.secho(f"Warning: {line}", fg="yellow", err=True)
