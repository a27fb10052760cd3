"""Where in the order of hooks MLflow is set up: as kedro-mlflow would, but before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext


class FirstHook:
    """Acts on each new context.

    After the project's own hooks that ask to come first, for they may bring what a request needs:
    pluggy calls the hook that was registered last first. Before all others, of plugins too.
    """

    def __init__(self, act: Callable[[KedroContext], object]) -> None:
        self._act = act

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        self._act(context)


def act_first(act: Callable[[KedroContext], object]) -> None:
    """Let this be done with the context of the next session."""
    from kedro.framework.project import settings

    settings.set("HOOKS", (FirstHook(act), *settings.HOOKS))


@contextmanager
def acting_first(act: Callable[[KedroContext], object]) -> Iterator[None]:
    """Let this be done with the context of a session that is made within the block."""
    from kedro.framework.project import settings

    before = settings.HOOKS
    act_first(act)
    try:
        yield
    finally:
        settings.set("HOOKS", before)
