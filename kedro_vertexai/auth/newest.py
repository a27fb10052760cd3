"""Which of several providers signs.

kedro-mlflow registers one more provider each time a context is loaded, and MLflow joins the
headers of all of them: `Bearer a Bearer b`, which no server takes.
"""

from __future__ import annotations


class Newest:
    """The providers of the newest context: of each class the one made last."""

    def __init__(self) -> None:
        self._current: tuple[object, dict[type, object]] = (None, {})

    def admit(self, provider: object, context: object) -> None:
        """From now on this one signs, and none of another context or of the same class."""
        current, providers = self._current
        kept = providers if context is current else {}
        self._current = (context, {**kept, type(provider): provider})

    def signs(self, provider: object) -> bool:
        _, providers = self._current
        return providers.get(type(provider)) is provider


newest = Newest()
