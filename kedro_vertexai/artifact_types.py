"""Which of KFP's artifact types a dataset has: what engines' pages show it as.

https://www.kubeflow.org/docs/components/pipelines/user-guides/data-handling/artifacts/
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from posixpath import splitext
from typing import Any, get_args, get_origin, get_type_hints

ARTIFACT = "system.Artifact"
DATASET = "system.Dataset"
MODEL = "system.Model"
METRICS = "system.Metrics"
HTML = "system.HTML"
MARKDOWN = "system.Markdown"

_BY_SUFFIX = {".html": HTML, ".htm": HTML, ".md": MARKDOWN}
# By package or class, as `names` of a `DatasetClass` has them; the first that fits.
_BY_CLASS = (
    ("kedro_mlflow.io.metrics.", METRICS),
    ("kedro_mlflow.io.models.", MODEL),
    ("kedro_datasets.tracking.metrics_dataset.", METRICS),
    ("kedro_datasets.tensorflow.", MODEL),
    ("kedro_datasets.huggingface.transformer_pipeline_dataset.", MODEL),
    ("kedro_datasets_experimental.pytorch.", MODEL),
    ("kedro_datasets_experimental.darts.", MODEL),
    ("kedro_datasets_experimental.prophet.", MODEL),
    ("kedro_datasets.plotly.html_dataset.", HTML),
)
# Anything may be in these: what the node's function says that it returns tells more.
_UNTYPED = ("pickle_dataset.", "MemoryDataset")
_PICTURES = ("kedro_datasets.matplotlib.", "kedro_datasets.pillow.", "kedro_datasets.plotly.")
_DOCUMENTS = ("json_dataset.JSONDataset", "yaml_dataset.YAMLDataset")
# Bases whose subclasses are models, by name, so that none is imported; `predict` tells the rest.
_MODEL_BASES = {"BaseEstimator", "Module", "Booster", "PreTrainedModel"}
_TABLE_BASES = {"DataFrame", "LazyFrame", "Series", "ndarray", "Table", "RecordBatch"}


def type_of_class(names: tuple[str, ...], location: str) -> str:
    """The type that a dataset's class and place tell.

    Args:
        names: qualified names of the class and its bases; none for an undeclared dataset.
        location: its path or URI, empty where it has none.
    """
    if type_ := _type_told_by(names):
        return type_
    if type_ := _BY_SUFFIX.get(splitext(location)[1].lower(), ""):
        return type_
    return ARTIFACT if not names or _is_anything(names) else DATASET


def type_of_return(annotation: Any, names: Sequence[str]) -> str:
    """The type that a node's return annotation adds to what the class tells; empty for none.

    Args:
        annotation: the annotation of this dataset, None without one.
        names: as for `type_of_class`.
    """
    untyped = not names or _any_has(names, _UNTYPED)
    if (untyped or _any_has(names, _DOCUMENTS)) and _is_numbers(annotation):
        return METRICS
    if not untyped or not isinstance(annotation, type):
        return ""
    bases = {base.__name__ for base in annotation.__mro__}
    if bases & _TABLE_BASES:
        return DATASET
    return MODEL if bases & _MODEL_BASES or hasattr(annotation, "predict") else ""


def return_annotations(function: Callable[..., Any], count: int) -> list[Any]:
    """The annotations of a function's `count` outputs; None for each that has none."""
    try:
        hint = get_type_hints(function).get("return")
    except Exception:
        # A name that exists only for type checkers, or a callable without annotations.
        return [None] * count
    if count == 1:
        return [hint]
    parts = get_args(hint) if get_origin(hint) is tuple else ()
    return list(parts) if len(parts) == count and Ellipsis not in parts else [None] * count


@cache
def _type_told_by(names: tuple[str, ...]) -> str:
    """The type that a class has wherever it lies; empty for none."""
    for start, type_ in _BY_CLASS:
        if any(name.startswith(start) for name in names):
            return type_
    return ""


@cache
def _is_anything(names: tuple[str, ...]) -> bool:
    return _any_has(names, (*_UNTYPED, *_PICTURES))


def _is_numbers(annotation: Any) -> bool:
    """Whether it is a mapping of names to numbers, such as `dict[str, float]`."""
    if get_origin(annotation) not in (dict, Mapping, collections.abc.Mapping):
        return False
    arguments = get_args(annotation)
    return len(arguments) == 2 and arguments[0] is str and arguments[1] in (float, int)


def _any_has(names: Sequence[str], parts: Sequence[str]) -> bool:
    return any(part in name for name in names for part in parts)
