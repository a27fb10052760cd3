"""A task of a pipeline that is not tracked: no run, no server, no logging of its datasets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol

# Kedro compares the name as the distribution spells it, which has been both.
_PLUGIN_NAMES = {"kedro-mlflow", "kedro_mlflow"}


def disable_hook() -> None:
    """Keep kedro-mlflow's hook out of the session: it would open a run of its own.

    Kedro's own setting for that; to be called before the session is made.
    """
    from kedro.framework.project import settings

    disabled = set(settings.DISABLE_HOOKS_FOR_PLUGINS) | _PLUGIN_NAMES
    settings.set("DISABLE_HOOKS_FOR_PLUGINS", tuple(sorted(disabled)))


def switch_off(catalog: CatalogProtocol[Any, Any], names: Iterable[str]) -> None:
    """Let kedro-mlflow's datasets save without logging, as its hook does for such a pipeline.

    Args:
        catalog: the session's catalog.
        names: the datasets of the task's nodes. No other is made: its package may be in the
            image of another task alone.
    """
    if "kedro_mlflow" not in sys.modules:
        return
    from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging

    switch_catalog_logging({name: catalog[name] for name in names if name in catalog}, False)
