"""The dataset of kedro-vertexai 1.0 that shows another dataset as an artifact of a chosen type.

Here every dataset is shown as an artifact, and a catalog entry says more about it under
`metadata: {vertexai: {type: ..., metadata: ...}}`. This class stays for catalogs that name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.io import AbstractDataset
from kedro.io.core import parse_dataset_definition


class KedroVertexAIMetadataDataset(AbstractDataset[Any, Any]):
    """Another dataset, shown with a name, a type and metadata of the user's.

    Loads and saves as that dataset does. What it says of the artifact is read when the pipeline
    is compiled, and a task tells the engine: it calls no service of its own, as 1.0's did.

    Args:
        base_dataset: class path of the other dataset.
        display_name: the artifact's name, as metadata.
        base_dataset_args: arguments of the other dataset.
        metadata: more metadata of the artifact.
        schema: KFP's type of it, such as `system.Model`.
    """

    def __init__(
        self,
        base_dataset: str,
        display_name: str,
        base_dataset_args: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        schema: str = "system.Dataset",
    ) -> None:
        class_, arguments = parse_dataset_definition({"type": base_dataset, **base_dataset_args})
        self._dataset: AbstractDataset[Any, Any] = class_(**arguments)
        self._display_name = display_name
        self._schema = schema
        self.metadata = dict(metadata or {})

    def load(self) -> Any:
        return self._dataset.load()

    def save(self, data: Any) -> None:
        self._dataset.save(data)

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _release(self) -> None:
        self._dataset.release()

    def _describe(self) -> dict[str, Any]:
        return {
            "base_dataset": type(self._dataset).__name__,
            "display_name": self._display_name,
            "schema": self._schema,
        }
