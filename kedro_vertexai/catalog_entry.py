"""An entry of a catalog, replaced by another dataset of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.io import AbstractDataset, CatalogProtocol


def replace_entry(
    catalog: CatalogProtocol[Any, Any], name: str, dataset: AbstractDataset[Any, Any]
) -> None:
    """Put a dataset in the place of a catalog's entry; what validates the entry validates it.

    Kedro forgets the validator of an entry that is replaced, and has no door to put it back.
    """
    validators = getattr(catalog, "validator_specs", {})
    catalog[name] = dataset
    if name in validators:
        catalog._validator_specs[name] = validators[name]  # type: ignore[attr-defined]
