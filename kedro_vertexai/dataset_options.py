"""What a catalog entry says to this plugin, under `metadata: {vertexai: {...}}`.

Kedro ignores an entry's `metadata` and leaves it to plugins:
https://docs.kedro.org/en/stable/catalog-data/data_catalog_yaml_examples/
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_vertexai.errors import ProjectError, did_you_mean

_KEY = "vertexai"
TRAVELS = ("object", "file", "reference")
STAGINGS = ("upload", "image")
# KFP's artifact types that a dataset can have, without their `system.`:
# https://www.kubeflow.org/docs/components/pipelines/user-guides/data-handling/artifacts/
TYPES = ("Artifact", "Dataset", "Model", "Metrics", "HTML", "Markdown")
# Vertex AI's own types, such as google.VertexModel:
# https://cloud.google.com/vertex-ai/docs/ml-metadata/system-schemas
_GOOGLES = "google."
_FLAG, _TEXT, _MAPPING = "true or false", "text", "a mapping"


@dataclass(frozen=True)
class DatasetOptions:
    """What the user says of one dataset; empty where nothing is said.

    Args:
        travel: object, file or reference, instead of what its class tells.
        path: the local path that travels, for a class that does not call it `filepath` or `path`.
        type: KFP's type of its artifact, such as Model.
        staging: `upload` or `image`, for a raw input.
        optional: whether a run may start without this raw input.
        metadata: more metadata of its artifact.
    """

    travel: str = ""
    path: str = ""
    type: str = ""
    staging: str = ""
    optional: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


_EXPECTED: dict[str, str | Collection[str]] = {
    "travel": TRAVELS,
    "path": _TEXT,
    "type": TYPES,
    "staging": STAGINGS,
    "optional": _FLAG,
    "metadata": _MAPPING,
}
_CLASSES = {_FLAG: bool, _TEXT: str, _MAPPING: dict}


def parse_options(name: str, metadata: Any) -> DatasetOptions:
    """Read the options from an entry's metadata; other plugins' keys beside them are left alone.

    Raises:
        ProjectError: a key or a value that means nothing here.
    """
    said = metadata.get(_KEY) if isinstance(metadata, Mapping) else None
    if said is None:
        return DatasetOptions()
    where = f"catalog entry '{name}': metadata.{_KEY}"
    if not isinstance(said, Mapping):
        raise ProjectError(f"{where}: expected a mapping, got {said!r}")
    for key, value in said.items():
        if key not in _EXPECTED:
            hint = did_you_mean(str(key), _EXPECTED)
            raise ProjectError(
                f"{where}: unknown key '{key}'{hint} (known: {', '.join(_EXPECTED)})"
            )
        _check(f"{where}.{key}", value, _EXPECTED[key])
    options = {key: value for key, value in said.items() if value is not None}
    _check_json(f"{where}.metadata", options.get("metadata"))
    if "type" in options:
        options["type"] = options["type"].removeprefix("system.")
    return DatasetOptions(**options)


def _check_json(where: str, metadata: Any) -> None:
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"{where}: it must be text, finite numbers and the like: {error}"
        ) from None


def _check(where: str, value: Any, expected: str | Collection[str]) -> None:
    if value is None:
        return
    if isinstance(expected, str):
        if not isinstance(value, _CLASSES[expected]):
            raise ProjectError(f"{where}: expected {expected}, got {value!r}")
    elif not isinstance(value, str) or not (
        value.removeprefix("system.") in expected
        or (expected is TYPES and value.startswith(_GOOGLES))
    ):
        hint = did_you_mean(str(value), expected)
        raise ProjectError(f"{where}: expected one of {', '.join(expected)}, got {value!r}{hint}")
