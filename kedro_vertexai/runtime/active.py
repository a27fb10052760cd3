"""The task that this process runs, for the hooks that Kedro loads by entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol


class ActiveTask(Protocol):
    """What a task does at the points where Kedro calls its plugins."""

    def context_created(self, context: KedroContext) -> None: ...

    def catalog_created(self, catalog: CatalogProtocol[Any, Any], save_version: str) -> None: ...

    def node_started(self, node: str) -> None: ...

    def dataset_saved(self, name: str, data: Any) -> None: ...


@runtime_checkable
class PreparesCatalog(Protocol):
    """A task that changes the catalog before other plugins do."""

    def catalog_made(self, catalog: CatalogProtocol[Any, Any]) -> None: ...


_active: list[Any] = []


def activate(task: ActiveTask) -> None:
    """Let the hooks act for this task; one process runs one."""
    _active[:] = [task]


def active_task() -> ActiveTask | None:
    """The task of this process, or None outside a container."""
    return _active[0] if _active else None


def catalog_preparer() -> PreparesCatalog | None:
    """The task of this process, if it changes the catalog before other plugins do."""
    task = _active[0] if _active else None
    return task if isinstance(task, PreparesCatalog) else None
