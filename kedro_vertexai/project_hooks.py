"""The hooks that the project's settings.py names, and what they do to the catalog.

Hooks of installed plugins do not run when a project is read: kedro-mlflow's would import mlflow
and open a run, telemetry's would call home.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pluggy import PluginManager

from kedro_vertexai.project_config import one_line


def hook_manager() -> PluginManager:
    """A manager of the project's own hooks only."""
    from kedro.framework.hooks import specs
    from kedro.framework.hooks.markers import HOOK_NAMESPACE
    from kedro.framework.project import settings

    manager = PluginManager(HOOK_NAMESPACE)
    for spec in vars(specs).values():
        if isinstance(spec, type) and spec.__module__ == specs.__name__:
            manager.add_hookspecs(spec)
    for hook in settings.HOOKS:
        manager.register(hook)
    return manager


def registered_datasets(
    manager: PluginManager, catalog: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The datasets that `after_catalog_created` adds or replaces, and what should be known of it.

    The hooks are given a catalog of the configured entries, of which none is instantiated unless
    a hook asks for it, and no credentials. One that cannot work so is left out, with a note.

    Args:
        manager: holds the project's hooks.
        catalog: the catalog's configuration, without credentials.
        parameters: the project's parameters.
    """
    if not manager.hook.after_catalog_created.get_hookimpls():
        return {}, []
    from kedro.framework.project import settings
    from kedro.io import DatasetError

    catalog_class: Any = settings.DATA_CATALOG_CLASS
    put: dict[str, Any] = {}

    class Recording(catalog_class):  # type: ignore[misc]
        """The project's class, which remembers what is put into a catalog."""

        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value)
            put[key] = value

    try:
        made = Recording.from_config(catalog=dict(catalog), credentials={})
    except DatasetError:
        # A mistake in the catalog, which is told where the catalog is described.
        return {}, []
    put.clear()
    try:
        manager.hook.after_catalog_created(
            catalog=made,
            conf_catalog=dict(catalog),
            conf_creds={},
            parameters=dict(parameters),
            save_version="",
            load_versions={},
        )
        return {name: made.get(name) for name in put}, []
    except Exception as error:
        note = (
            "a hook of settings.py failed in after_catalog_created, where it is called without "
            f"credentials or data: what it puts into the catalog is not known ({one_line(error)})"
        )
        return {}, [note]
