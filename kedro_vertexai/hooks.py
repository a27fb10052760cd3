"""Kedro's entry point for our hooks. Outside a task of ours they do nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from kedro_vertexai.runtime.active import active_task, catalog_preparer
from kedro_vertexai.runtime.authentication import active_authentication

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline.node import Node


class VertexAIHooks:
    """Passes Kedro's calls on to the task that this process runs."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """First of all plugins, so that kedro-mlflow finds the run already open."""
        if authentication := active_authentication():
            authentication.context_created(context)
        if task := active_task():
            task.context_created(context)

    @hook_impl(wrapper=True)
    def after_catalog_created(
        self, catalog: CatalogProtocol[Any, Any], save_version: str
    ) -> Generator[None, Any, Any]:
        """First of all plugins: one that replaces an entry takes its configuration away.

        And last, so that no other replaces what travels.
        """
        if preparer := catalog_preparer():
            preparer.catalog_made(catalog)
        result = yield
        if task := active_task():
            task.catalog_created(catalog, save_version)
        return result

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Node) -> None:
        """A node starts with its first input; Kedro tells of no error before it runs."""
        if task := active_task():
            task.node_started(node.name)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node) -> None:
        """The start of a node without inputs."""
        if task := active_task():
            task.node_started(node.name)

    @hook_impl(tryfirst=True)
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """What a node has saved, while it is still in memory."""
        if task := active_task():
            task.dataset_saved(dataset_name, data)


hooks = VertexAIHooks()
